import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTransaction } from 'viem';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Address, Hex } from '../../src/index.ts';
import { HostileRpc } from './support/hostile-rpc.ts';
import { minedBy } from './support/ledger.ts';
import { idOf, MarketChain, PROOF, slotOf } from './support/market-chain.ts';

let chain: MarketChain;
const proxies: HostileRpc[] = [];
beforeAll(async () => {
  chain = await MarketChain.start();
});
afterEach(async () => {
  await chain.rpc('evm_setAutomine', [true]);
  await chain.closeAll();
  for (const proxy of proxies.splice(0)) await proxy.stop();
});
afterAll(() => chain.stop());

async function hostile(...args: Parameters<typeof HostileRpc.start> extends [string, ...infer R] ? R : never) {
  const proxy = await HostileRpc.start(chain.chain.url, ...args);
  proxies.push(proxy);
  return proxy;
}

const allowance = async (owner: Address) => {
  const data = `0xdd62ed3e${owner.slice(2).padStart(64, '0')}${chain.marketplace.slice(2).padStart(64, '0')}`;
  return BigInt(await chain.rpc<Hex>('eth_call', [{ to: chain.token, data }, 'latest']));
};
const head = async () => BigInt(await chain.rpc<Hex>('eth_blockNumber'));
const pool = () =>
  chain.rpc<{ pending: Record<string, Record<string, { maxFeePerGas: Hex; nonce: Hex }>> }>('txpool_content');
const waiting = async (account: Address) => {
  const { pending } = await pool();
  const mine = Object.entries(pending).find(([owner]) => owner.toLowerCase() === account);
  return Object.values(mine?.[1] ?? {});
};

describe('transactions', () => {
  it('have nonces in a row when many are sent at once, and what they take is allowed for', async () => {
    const client = await chain.connect(1);
    const requests = Array.from({ length: 8 }, () => chain.request());
    const before = await client.balance();
    const sent = await Promise.all(requests.map((request) => client.requestStorage(request)));
    expect(new Set(sent.map(({ transactionHash }) => transactionHash)).size).toBe(8);
    expect(before - (await client.balance())).toBe(8n * 3n * 1000n * 2n * 1024n);
    expect(await allowance(client.account)).toBe(0n);
  });

  it('allow for concurrent fills, not too little and not more', async () => {
    const client = await chain.connect(1);
    const request = chain.request({ slots: 3n });
    await client.requestStorage(request);
    const host = await chain.connect(2);
    const other = await chain.connect(3);
    const id = idOf(request);
    // One host holds one slot of a request; it fills slots of several at once.
    const second = chain.request();
    await client.requestStorage(second);
    await Promise.all([host.reserveSlot(id, 0n), host.reserveSlot(idOf(second), 0n), other.reserveSlot(id, 1n)]);
    await Promise.all([
      host.fillSlot(id, 0n, PROOF, 102_400n),
      host.fillSlot(idOf(second), 0n, PROOF, 102_400n),
      other.fillSlot(id, 1n, PROOF, 102_400n),
    ]);
    expect(await allowance(host.account)).toBe(0n);
    expect(await host.mySlots()).toHaveLength(2);
  });

  it('leave what was allowed for a failed fill to the next', async () => {
    const client = await chain.connect(1);
    const host = await chain.connect(4);
    const request = chain.request();
    await client.requestStorage(request);
    await expect(host.fillSlot(idOf(request), 0n, PROOF, 102_400n)).rejects.toMatchObject({
      data: { name: 'Marketplace_ReservationRequired' },
    });
    expect(await allowance(host.account)).toBe(102_400n);
    await host.reserveSlot(idOf(request), 0n);
    const nonce = await chain.sentBy(4);
    await host.fillSlot(idOf(request), 0n, PROOF, 102_400n);
    expect((await chain.sentBy(4)) - nonce).toBe(1);
    expect(await allowance(host.account)).toBe(0n);
  });

  it('of one intent are one, whoever asks again', async () => {
    const client = await chain.connect(1);
    const request = chain.request();
    const nonce = await chain.sentBy(1);
    const [first, second] = await Promise.all([client.requestStorage(request), client.requestStorage(request)]);
    expect(first.transactionHash).toBe(second.transactionHash);
    // The operation and its approval.
    expect((await chain.sentBy(1)) - nonce).toBe(2);
    // Once it is done, asking again is a new intent, and the contract says what it thinks of it.
    await expect(client.requestStorage(request)).rejects.toMatchObject({
      data: { name: 'Marketplace_RequestAlreadyExists' },
    });
    expect((await chain.sentBy(1)) - nonce).toBe(3);
  });

  it('on their way at a crash are taken up, not sent anew', async () => {
    const dataDirectory = chain.directory();
    const request = chain.request();
    const setup = await chain.connect(1);
    await setup.requestStorage(request);
    const host = await chain.connect(5, { dataDirectory });
    await chain.rpc('evm_setAutomine', [false]);
    const reserving = host.reserveSlot(idOf(request), 0n);
    await expect.poll(async () => (await waiting(host.account)).length).toBe(1);
    await host.close();
    await expect(reserving).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' });
    // The pool of the node forgets it.
    await chain.rpc('anvil_dropAllTransactions');
    const again = await chain.connect(5, { dataDirectory });
    const waited = again.reserveSlot(idOf(request), 0n);
    await expect.poll(async () => (await waiting(host.account)).length).toBe(1);
    await chain.chain.mine(1);
    await waited;
    expect(await chain.sentBy(5)).toBe(1);
  });

  it('that came into a block unheard are told, not sent anew', async () => {
    const dataDirectory = chain.directory();
    const request = chain.request();
    await (await chain.connect(1)).requestStorage(request);
    const host = await chain.connect(6, { dataDirectory });
    await chain.rpc('evm_setAutomine', [false]);
    const reserving = host.reserveSlot(idOf(request), 0n).catch(() => {});
    await expect.poll(async () => (await waiting(host.account)).length).toBe(1);
    await host.close();
    await reserving;
    await chain.chain.mine(1);
    const again = await chain.connect(6, { dataDirectory });
    const sent = await again.reserveSlot(idOf(request), 0n);
    expect(sent.blockNumber).toBe(await head());
    expect(await chain.sentBy(6)).toBe(1);
  });

  it('are not sent with a damaged journal', async () => {
    const dataDirectory = chain.directory();
    const host = await chain.connect(6, { dataDirectory });
    const request = chain.request();
    await (await chain.connect(1)).requestStorage(request);
    await host.reserveSlot(idOf(request), 0n);
    await host.close();
    const [file] = globSync(join(dataDirectory, '**/transactions-*.json'));
    if (file) await writeFile(file, (await readFile(file, 'utf8')).slice(1));
    else throw new Error('There is no journal');
    await expect(chain.connect(6, { dataDirectory })).rejects.toMatchObject({ code: 'MARKET_STATE_UNREADABLE' });
  });

  it('are paid more for when they are stuck', async () => {
    const client = await chain.connect(1, { replaceAfterMs: 300 });
    const request = chain.request();
    await chain.connect(2);
    const host = await chain.connect(7, { replaceAfterMs: 300 });
    await client.requestStorage(request);
    await chain.rpc('evm_setAutomine', [false]);
    const reserving = host.reserveSlot(idOf(request), 0n);
    await expect.poll(async () => (await waiting(host.account)).length).toBe(1);
    const feeOf = async () => BigInt((await waiting(host.account))[0]?.maxFeePerGas ?? 0);
    const before = await feeOf();
    await expect.poll(feeOf, { timeout: 5_000 }).toBeGreaterThanOrEqual((before * 1125n) / 1000n);
    await chain.chain.mine(1);
    await reserving;
    expect(await chain.sentBy(7)).toBe(1);
    expect(await host.canReserveSlot(idOf(request), 0n)).toBe(false);
  });

  it('get another nonce when somebody else used theirs', async () => {
    const request = chain.request();
    await (await chain.connect(1)).requestStorage(request);
    const host = await chain.connect(8, { lostAfterMs: 500 });
    await chain.rpc('evm_setAutomine', [false]);
    const reserving = host.reserveSlot(idOf(request), 0n);
    await expect.poll(async () => (await waiting(host.account)).length).toBe(1);
    await chain.rpc('anvil_dropAllTransactions');
    // The same account, by another program.
    await chain.rpc('eth_sendTransaction', [
      { from: host.account, to: host.account, value: '0x1', nonce: '0x0', gas: '0x5208' },
    ]);
    await chain.chain.mine(1);
    await chain.rpc('evm_setAutomine', [true]);
    await reserving;
    expect(await chain.sentBy(8)).toBe(2);
    expect((await minedBy(chain, 8, (await head()) - 5n)).filter(({ input }) => input !== '0x')).toHaveLength(1);
  });

  it('that run out of gas are sent again with more', async () => {
    const proxy = await hostile({
      rewrite: (method, _params, result) => (method === 'eth_estimateGas' ? '0xc350' : result),
    });
    const request = chain.request();
    await (await chain.connect(1)).requestStorage(request);
    const host = await chain.connect(9, { rpc: proxy.url });
    await host.reserveSlot(idOf(request), 0n);
    expect(await host.canReserveSlot(idOf(request), 0n)).toBe(false);
    const mined = await minedBy(chain, 9, (await head()) - 5n);
    expect(mined.filter(({ isSuccess }) => isSuccess)).toHaveLength(1);
    expect(mined.length).toBeGreaterThan(1);
  });

  it('that are refused with all of their gas used are not sent again with more', async () => {
    let estimate: Hex | undefined;
    const proxy = await hostile({
      rewrite: (method, _params, result) => (method === 'eth_estimateGas' ? (estimate ?? result) : result),
    });
    const client = await chain.connect(1);
    const host = await chain.connect(18, { rpc: proxy.url });
    /** The gas of a reservation that was right when it was sent, and whose block comes after the expiry. */
    const reserveTooLate = async () => {
      const request = chain.request();
      const { timestamp } = await client.requestStorage(request);
      await chain.rpc('evm_setAutomine', [false]);
      const reserving = host.reserveSlot(idOf(request), 0n).catch((error: unknown) => error);
      await expect.poll(async () => (await waiting(host.account)).length).toBe(1);
      await chain.chain.mineAt(timestamp + 301n);
      await chain.rpc('evm_setAutomine', [true]);
      const error = await reserving;
      expect(error).toMatchObject({
        code: 'MARKET_REVERTED',
        data: { name: 'SlotReservations_ReservationNotAllowed' },
      });
      const { transactionHash } = (error as { data: { transactionHash: Hex } }).data;
      return BigInt((await chain.rpc<{ gasUsed: Hex }>('eth_getTransactionReceipt', [transactionHash])).gasUsed);
    };
    const used = await reserveTooLate();
    // A quarter is added to what was estimated.
    estimate = `0x${((used * 102n) / 125n).toString(16)}`;
    await reserveTooLate();
    expect(await chain.sentBy(18)).toBe(2);
  });

  it('that fail in a block tell the error by its name', async () => {
    const request = chain.request();
    await (await chain.connect(1)).requestStorage(request);
    const proxy = await hostile({ hasNoPending: true });
    const [first, second] = [await chain.connect(10, { rpc: proxy.url }), await chain.connect(11, { rpc: proxy.url })];
    for (const host of [first, second]) await host.reserveSlot(idOf(request), 0n);
    await chain.rpc('evm_setAutomine', [false]);
    const fills = [first, second].map((host) =>
      host.fillSlot(idOf(request), 0n, PROOF, 102_400n).catch((e: unknown) => e),
    );
    for (const host of [first, second]) await expect.poll(async () => (await waiting(host.account)).length).toBe(1);
    // Both approvals, then both fills: estimated before either is in a block.
    await chain.chain.mine(1);
    for (const host of [first, second]) await expect.poll(async () => (await waiting(host.account)).length).toBe(1);
    await chain.chain.mine(1);
    const outcomes = await Promise.all(fills);
    const failed = outcomes.filter((outcome) => outcome instanceof Error);
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({
      code: 'MARKET_REVERTED',
      data: { name: 'Marketplace_ReservationRequired' },
    });
    expect(await first.slotState(slotOf(request, 0))).toBe('filled');
  });

  it('are refused without money for them, and leave no gap', async () => {
    const request = chain.request();
    await (await chain.connect(1)).requestStorage(request);
    const host = await chain.connect(12);
    await chain.rpc('anvil_setBalance', [host.account, '0x1']);
    await expect(host.reserveSlot(idOf(request), 0n)).rejects.toMatchObject({
      code: expect.stringMatching(/TRANSACTION_REFUSED|CHAIN_REFUSED/),
    });
    await chain.rpc('anvil_setBalance', [host.account, '0xde0b6b3a7640000']);
    await host.reserveSlot(idOf(request), 0n);
    expect(await chain.sentBy(12)).toBe(1);
  });

  it('are signed by the node where it keeps the key', async () => {
    const request = chain.request();
    await (await chain.connect(1)).requestStorage(request);
    const host = await chain.connect(13, { key: { account: chain.account(13) } });
    await host.reserveSlot(idOf(request), 0n);
    expect(await chain.sentBy(13)).toBe(1);
  });

  it('go without the fees of EIP-1559 where a chain has none', async () => {
    const raws: Hex[] = [];
    const proxy = await hostile({
      rewrite: (method, params, result) => {
        if (method === 'eth_sendRawTransaction') raws.push(params[0] as Hex);
        if (method !== 'eth_getBlockByNumber' || result === null) return result;
        const { baseFeePerGas: _, ...block } = result as Record<string, unknown>;
        return block;
      },
    });
    const request = chain.request();
    await (await chain.connect(1)).requestStorage(request);
    const host = await chain.connect(14, { rpc: proxy.url });
    await host.reserveSlot(idOf(request), 0n);
    expect(parseTransaction(raws[0]!).type).toBe('legacy');
  });

  it('fill the gap that a re-organisation leaves', async () => {
    const dataDirectory = chain.directory();
    const request = chain.request();
    const client = await chain.connect(1);
    await client.requestStorage(request);
    const other = chain.request();
    await client.requestStorage(other);
    const host = await chain.connect(15, { dataDirectory });
    await host.reserveSlot(idOf(request), 0n);
    await host.close();
    // The chain has forgotten a transaction that is in the journal: the next one begins too high.
    await chain.rpc('anvil_setNonce', [host.account, '0x0']);
    const again = await chain.connect(15, { dataDirectory });
    await again.reserveSlot(idOf(other), 0n);
    expect(await chain.sentBy(15)).toBe(2);
    expect(await again.canReserveSlot(idOf(other), 0n)).toBe(false);
  });
});
