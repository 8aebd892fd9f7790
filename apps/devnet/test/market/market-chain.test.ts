import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { marketplaceAbi, requestIdOf, testTokenAbi } from '@codex/contracts';
import { createWalletClient, type Hex, publicActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Guardian } from '../../src/guardian.ts';
import { lowerCase } from '../../src/market/lower-case.ts';
import { MarketChain } from '../../src/market/market-chain.ts';
import { MarketWatch } from '../../src/market/market-watch.ts';
import { ModelMoney } from '../../src/market/model-money.ts';
import { makeParties, type Party, TOKENS } from '../../src/market/parties.ts';
import { developmentProofKey } from '../../src/market/proof-key.ts';
import { storyRules } from '../../src/market/rules.ts';
import { PROJECT_ROOT } from '../../src/node-command.ts';
import { isAlive } from '../processes.ts';

const EXPIRY_S = 4;
const guardian = new Guardian();
const directory = mkdtempSync(join(tmpdir(), 'devnet-market-'));
let parties: readonly Party[];
let chain: MarketChain;
let watch: MarketWatch;

beforeAll(async () => {
  const key = await developmentProofKey({ samples: 1, circuitDir: join(PROJECT_ROOT, '.cache') });
  parties = await makeParties(['client', 'host'], join(directory, 'keys'));
  chain = await MarketChain.start({ guardian }, { key, parties });
  watch = new MarketWatch({ ...chain, transport: chain.transport() });
  await watch.start();
}, 120_000);
afterAll(async () => {
  await watch?.stop();
  await chain?.stop();
  guardian.close();
  rmSync(directory, { recursive: true, force: true });
});

/** What a party can do with the key that it was given. */
function walletOf({ keyFile }: Party) {
  const account = privateKeyToAccount(readFileSync(keyFile, 'utf8').trim() as Hex);
  const wallet = createWalletClient({ account, transport: chain.transport() }).extend(publicActions);
  const send = async (address: Hex, abi: never, functionName: string, args: readonly unknown[]) => {
    const call = { address, abi, functionName, args, chain: null, gas: 1_000_000n };
    const hash = await wallet.writeContract(call as never);
    await wallet.waitForTransactionReceipt({ hash, pollingInterval: 100 });
  };
  return {
    approve: () => send(chain.token, testTokenAbi as never, 'approve', [chain.marketplace, 2n ** 256n - 1n]),
    market: (name: string, args: readonly unknown[]) => send(chain.marketplace, marketplaceAbi as never, name, args),
  };
}

describe('a chain with a marketplace', () => {
  it('gives every party a key that nobody else can read, and funds', async () => {
    for (const { address, keyFile } of parties) {
      expect(statSync(keyFile).mode & 0o777).toBe(0o600);
      expect(await watch.balance(address)).toBe(TOKENS);
    }
  });

  it('shows what parties do, and puts their money where the model does', { timeout: 60_000 }, async () => {
    const [client, host] = [parties[0]!, parties[1]!];
    const request = {
      client: client.address,
      ask: {
        proofProbability: 1n,
        pricePerBytePerSecond: 1n,
        collateralPerByte: 1n,
        slots: 4n,
        slotSize: 65_536n,
        duration: 60n,
        maxSlotLoss: 2n,
      },
      content: { cid: '0x01cd0290b2020304', merkleRoot: `0x${'11'.repeat(32)}` },
      expiry: BigInt(EXPIRY_S),
      nonce: `0x${'22'.repeat(32)}`,
    } as const;
    const id = requestIdOf({ ...request, client: lowerCase(client.address) });
    await walletOf(client).approve();
    await walletOf(client).market('requestStorage', [request]);
    await walletOf(host).market('reserveSlot', [id, 2n]);
    // Too early: the chain refuses it.
    await walletOf(client).market('withdrawFunds', [id]);
    const wait = { deadlineMs: 30_000 };
    const asked = await watch.when('the request', (sights) => sights[0], wait);
    await watch.when('the expiry', (_, time) => (time > asked.time + EXPIRY_S ? true : undefined), wait);
    await walletOf(client).market('withdrawFunds', [id]);
    await watch.when('the refund', (sights) => sights[3], wait);

    const price = 4n * 65_536n * 60n;
    const [payer, market] = [lowerCase(client.address), lowerCase(chain.marketplace)];
    expect(watch.sights).toMatchObject([
      { call: 'requestStorage', ok: true, from: payer, transfers: [{ from: payer, to: market, amount: price }] },
      { call: 'reserveSlot', ok: true, from: lowerCase(host.address), requestId: id, slotIndex: 2 },
      { call: 'withdrawFunds', ok: false, events: [], transfers: [] },
      { call: 'withdrawFunds', ok: true, requestId: id, events: ['RequestCancelled'] },
    ]);

    const { config, rules } = storyRules();
    const balances = new Map(parties.map(({ address }) => [lowerCase(address), TOKENS]));
    const model = new ModelMoney({ config, rules, marketplace: market, balances });
    expect(watch.sights.map((sight) => model.apply(sight))).toEqual(watch.sights.map(() => undefined));
    for (const address of [...balances.keys(), market]) {
      expect(await watch.balance(address)).toBe(model.balanceOf(address));
    }
    // A call that the model would not take is found.
    expect(model.apply({ ...watch.sights[3]!, block: 10_000n })).toBe('Marketplace_NothingToWithdraw');
  });

  it('says what it waited for in vain', async () => {
    await expect(watch.when('a wonder', () => undefined, { deadlineMs: 1 })).rejects.toMatchObject({
      code: 'STORY_STUCK',
      message: expect.stringContaining('a wonder'),
    });
  });

  it('leaves no process behind', async () => {
    const pid = chain.pid!;
    expect(isAlive(pid)).toBe(true);
    await watch.stop();
    await chain.stop();
    expect(isAlive(pid)).toBe(false);
  });
});
