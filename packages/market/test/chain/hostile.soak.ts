import { seededRandom } from '@codex/runtime';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { HostileRpc } from './support/hostile-rpc.ts';
import { MarketChain } from './support/market-chain.ts';
import { trade } from './support/trade.ts';

/** Short: what runs with every check. */
const RUNS = process.env.SOAK === 'short' ? 2 : Number(process.env.RUNS ?? 40);
const SEED = Number(process.env.SEED ?? 1);

let chain: MarketChain;
beforeAll(async () => {
  chain = await MarketChain.start();
});
afterAll(() => chain.stop());

describe('over a hostile gateway, with everything at once', () => {
  it.each(Array.from({ length: RUNS }, (_, i) => SEED + i))('nothing is lost or doubled, SEED=%i', async (seed) => {
    const random = seededRandom(seed);
    const faults = {
      dropBefore: random.float() * 0.08,
      dropAfter: random.float() * 0.08,
      tooMany: random.float() * 0.04,
      limited: random.float() * 0.02,
      lags: [0, random.int(3), random.int(3)],
      isShuffled: true,
    };
    const proxies = [
      await HostileRpc.start(chain.chain.url, faults, seed),
      await HostileRpc.start(chain.chain.url, faults, seed + 1_000_000),
    ];
    const rpc = proxies.map((proxy, i) => (i === 0 && random.int(2) === 0 ? proxy.webSocketUrl : proxy.url));
    const reorgAt = random.int(3);
    const depth = 1 + random.int(3);
    try {
      await trade(chain, { rpc, dataDirectory: chain.directory() }, 3, async (round, isFilled) => {
        if (round === 1) proxies[0]!.hangUp();
        if (round !== reorgAt) return;
        await isFilled();
        await chain.rpc('anvil_reorg', [depth, []]);
      });
    } finally {
      await chain.closeAll();
      for (const proxy of proxies) await proxy.stop();
    }
  });
});
