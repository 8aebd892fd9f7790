import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConnectedMarketplace, SlotId } from '../../src/index.ts';
import { HostileRpc } from './support/hostile-rpc.ts';
import { idOf, MarketChain, PROOF, slotOf } from './support/market-chain.ts';

let chain: MarketChain;
const proxies: HostileRpc[] = [];
beforeAll(async () => {
  chain = await MarketChain.start();
});
afterEach(async () => {
  await chain.closeAll();
  for (const proxy of proxies.splice(0)) await proxy.stop();
});
afterAll(() => chain.stop());

const UNKNOWN = `0x${'77'.repeat(32)}` as SlotId;

/** A host with a slot that must prove itself in every period. */
async function filled(): Promise<{ host: ConnectedMarketplace; slot: SlotId }> {
  const client = await chain.connect(1);
  const host = await chain.connect(2);
  const request = chain.request({ slots: 1n, maxSlotLoss: 0n });
  await client.requestStorage(request);
  await host.reserveSlot(idOf(request), 0n);
  await host.fillSlot(idOf(request), 0n, PROOF, 102_400n);
  return { host, slot: slotOf(request, 0) };
}

/** Time that the chain's clock shows, for every connection that there is. */
async function moveTo(seconds: number, ...markets: ConnectedMarketplace[]): Promise<void> {
  await chain.chain.mineAt(BigInt(seconds));
  for (const market of markets) await market.clock.waitUntil(seconds);
}

describe('proofs', () => {
  it('are wanted as the contract says, with a pending block and without', async () => {
    const { host, slot } = await filled();
    const proxy = await HostileRpc.start(chain.chain.url, { hasNoPending: true });
    proxies.push(proxy);
    const blind = await chain.connect(3, { rpc: proxy.url });
    let now = host.clock.now();
    let required = 0;
    // Through the downtime, wraps of the pointer, and new periods.
    for (let step = 0; step < 18; step++) {
      now += step % 3 === 0 ? 11 : 1;
      await chain.chain.mine(step % 5 === 0 ? 40 : 1, 0);
      await moveTo(now, host, blind);
      // A second may pass between the two, or one may not have seen the newest block yet; not for long.
      const seen = await vi.waitFor(
        async () => {
          const status = await host.proofStatus(slot);
          expect(await blind.proofStatus(slot)).toEqual(status);
          return status;
        },
        { timeout: 10_000 },
      );
      expect(seen.required && seen.upcoming).toBe(false);
      if (seen.required) required++;
    }
    expect(required).toBeGreaterThan(0);
    const nobody = await blind.proofStatus(UNKNOWN);
    expect(nobody).toMatchObject({ required: false, upcoming: false });
    expect(await host.proofStatus(UNKNOWN)).toMatchObject({ required: false, upcoming: false });
  });

  it('that are missing are found among many slots with a few calls', async () => {
    const { host, slot } = await filled();
    const proxy = await HostileRpc.start(chain.chain.url);
    proxies.push(proxy);
    const validator = await chain.connect(4, { rpc: proxy.url, pollMs: 3_600_000 });
    const others = Array.from({ length: 250 }, (_, i) => `0x${(i + 1).toString(16).padStart(64, '0')}` as SlotId);
    const period = BigInt(validator.configuration.proofs.period);
    let marked = 0;
    for (let i = 0; i < 20 && marked === 0; i++) {
      const current = BigInt(host.clock.now()) / period;
      await moveTo(Number((current + 1n) * period) + 1, host);
      await chain.chain.mine(16, 0);
      const ids = [...others.slice(0, 120), slot, ...others.slice(120)];
      const before = proxy.requests;
      const found = await validator.canMarkAsMissing(ids, current);
      expect(proxy.requests - before).toBeLessThanOrEqual(4);
      if (found.length === 0) continue;
      expect(found).toEqual([slot]);
      // A host may not report itself.
      expect(await host.canMarkAsMissing(ids, current)).toEqual([]);
      const before2 = await validator.balance();
      await validator.markAsMissing(slot, current);
      marked++;
      expect(await validator.balance()).toBeGreaterThan(before2);
      expect(await validator.canMarkAsMissing([slot], current)).toEqual([]);
    }
    expect(marked).toBe(1);
  });

  it('are submitted once in a period', async () => {
    const { host, slot } = await filled();
    const period = Number(host.configuration.proofs.period);
    await moveTo((Math.floor(host.clock.now() / period) + 1) * period + 1, host);
    const [first, second] = await Promise.all([host.submitProof(slot, PROOF), host.submitProof(slot, PROOF)]);
    expect(first.transactionHash).toBe(second.transactionHash);
    await expect(host.submitProof(slot, PROOF)).rejects.toMatchObject({
      data: { name: 'Proofs_ProofAlreadySubmitted' },
    });
  });

  it('cannot be asked for without a chain: that says nothing about them', async () => {
    const proxy = await HostileRpc.start(chain.chain.url);
    proxies.push(proxy);
    const validator = await chain.connect(4, { rpc: proxy.url, deadlineMs: 300 });
    proxy.isDown = true;
    proxy.hangUp();
    await expect(validator.canMarkAsMissing([UNKNOWN], 1n)).rejects.toMatchObject({
      code: 'CHAIN_UNREACHABLE',
    });
  });
});
