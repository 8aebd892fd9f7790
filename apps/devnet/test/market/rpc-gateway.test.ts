import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RpcCall, RpcGateway, type RpcGatewayInit } from '../../src/market/rpc-gateway.ts';

const HEAD = 20;

/** A chain of 20 blocks that says what it was asked. */
let chain: Server;
let asked: RpcCall[] = [];
let gateway: RpcGateway;

beforeAll(async () => {
  const answer = ({ id, method, params }: RpcCall) => {
    asked.push({ method, params: params ?? [] });
    const block = method === 'eth_getBlockByHash' ? { number: (params as [string])[0] } : undefined;
    const receipt = method === 'eth_getTransactionReceipt' ? { blockNumber: `0x${HEAD.toString(16)}` } : undefined;
    return { jsonrpc: '2.0', id, result: method === 'eth_blockNumber' ? `0x${HEAD.toString(16)}` : (block ?? receipt) };
  };
  chain = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as RpcCall | RpcCall[];
    response.end(JSON.stringify(Array.isArray(body) ? body.map(answer) : answer(body)));
  });
  await new Promise<void>((resolve) => chain.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => chain.close(resolve)));
beforeEach(() => {
  asked = [];
});
afterEach(() => gateway.stop());

async function start(init: Partial<RpcGatewayInit> = {}): Promise<void> {
  gateway = await RpcGateway.start({ target: `http://127.0.0.1:${(chain.address() as AddressInfo).port}`, ...init });
}
const post = (body: unknown) => fetch(gateway.url, { method: 'POST', body: JSON.stringify(body) });
const call = async (method: string, ...params: unknown[]) =>
  (await (await post({ jsonrpc: '2.0', id: 7, method, params })).json()) as Record<string, unknown>;

describe('a gateway of a chain', () => {
  it('hands calls on as they are, and counts each, of batches too', async () => {
    await start();
    expect(await call('eth_blockNumber')).toEqual({ jsonrpc: '2.0', id: 7, result: '0x14' });
    const batch = [
      { jsonrpc: '2.0', id: 1, method: 'eth_call', params: [{ to: '0x1' }, 'pending'] },
      { jsonrpc: '2.0', id: 2, method: 'eth_blockNumber', params: [] },
    ];
    const answers = (await (await post(batch)).json()) as { id: number }[];
    expect(answers.map(({ id }) => id)).toEqual([1, 2]);
    expect(asked[1]).toEqual({ method: 'eth_call', params: [{ to: '0x1' }, 'pending'] });
    expect(gateway.requests).toBe(2);
    expect(Object.fromEntries(gateway.counts())).toEqual({ eth_blockNumber: 2, eth_call: 1 });
  });

  it('refuses, drops, and loses answers of what was done', async () => {
    await start();
    gateway.faults({ tooMany: 1 });
    expect((await post({ id: 1, method: 'eth_blockNumber' })).status).toBe(429);
    gateway.faults({ unavailable: 1 });
    expect((await post({ id: 1, method: 'eth_blockNumber' })).status).toBe(503);
    for (const faults of [{ isDown: true }, { dropBefore: 1 }]) {
      gateway.faults(faults);
      await expect(call('eth_blockNumber')).rejects.toThrow();
    }
    expect(asked).toEqual([]);
    gateway.faults({ dropAfter: 1 });
    await expect(call('eth_blockNumber')).rejects.toThrow();
    expect(asked).toHaveLength(1);
    gateway.faults({});
    expect(await call('eth_blockNumber')).toMatchObject({ result: '0x14' });
    // A call on a connection that was just ended may not have got here.
    expect([5, 6]).toContain(gateway.counts().get('eth_blockNumber'));
  });

  it('fails for the same callers when it has the same seed', async () => {
    const statuses = async () => {
      await start({ seed: 5 });
      gateway.faults({ tooMany: 0.3, unavailable: 0.3, lateMs: 2 });
      const seen = [];
      for (let i = 0; i < 20; i++) seen.push((await post({ id: i, method: 'eth_blockNumber' })).status);
      return seen;
    };
    const first = await statuses();
    await gateway.stop();
    expect(await statuses()).toEqual(first);
    expect(new Set(first)).toEqual(new Set([200, 429, 503]));
  });

  it('is as old as a back end that lags', async () => {
    await start();
    gateway.faults({ lagBlocks: 3 });
    expect(await call('eth_blockNumber')).toEqual({ jsonrpc: '2.0', id: 7, result: '0x11' });
    expect(await call('eth_getBlockByNumber', '0x12', false)).toMatchObject({ result: null });
    expect(await call('eth_getTransactionReceipt', '0xab')).toMatchObject({ result: null });
    expect(await call('eth_getLogs', { blockHash: '0x13' })).toMatchObject({ error: { message: 'unknown block' } });
    asked = [];
    await call('eth_getLogs', { fromBlock: '0x1', toBlock: '0x14' });
    await call('eth_getLogs', { blockHash: '0x11' });
    await call('eth_getBlockByNumber', 'latest', false);
    await call('eth_call', { to: '0x1' }, 'pending');
    const seen = asked.filter(({ method }) => method !== 'eth_blockNumber' && method !== 'eth_getBlockByHash');
    expect(seen.map(({ params }) => params)).toEqual([
      [{ fromBlock: '0x1', toBlock: '0x11' }],
      [{ blockHash: '0x11' }],
      ['0x11', false],
      [{ to: '0x1' }, '0x11'],
    ]);
  });

  it('hands a transaction to the chain twice', async () => {
    await start();
    gateway.faults({ repeatSend: 1 });
    await call('eth_sendRawTransaction', '0xabcd');
    expect(asked.map(({ method }) => method)).toEqual(['eth_sendRawTransaction', 'eth_sendRawTransaction']);
  });

  it('holds a call before the chain sees it, and its answer before the caller does', async () => {
    const steps: string[] = [];
    await start({
      onCall: async ({ method }) => {
        steps.push(`before ${method}: ${asked.length}`);
      },
      onAnswer: ({ method }) => {
        steps.push(`after ${method}: ${asked.length}`);
      },
    });
    await call('eth_sendRawTransaction', '0xabcd');
    expect(steps).toEqual(['before eth_sendRawTransaction: 0', 'after eth_sendRawTransaction: 1']);
  });

  it('ends the connection of a call that it is told not to hand on', async () => {
    const refuse = () => {
      throw new Error('not this one');
    };
    await start({ onCall: refuse });
    await expect(call('eth_sendRawTransaction', '0xabcd')).rejects.toThrow();
    expect(asked).toEqual([]);
    await gateway.stop();
    await start({ onAnswer: refuse });
    await expect(call('eth_sendRawTransaction', '0xabcd')).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });
});
