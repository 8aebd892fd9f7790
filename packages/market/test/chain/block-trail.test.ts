import { noMetrics, seededRandom, silentLogger, VirtualClock } from '@codex/runtime';
import { keccak256 } from 'viem';
import { describe, expect, it } from 'vitest';
import { BlockTrail, type TrailChange } from '../../src/chain/blocks/block-trail.ts';
import type { Hex } from '../../src/chain/marketplace.ts';
import { chainMetrics } from '../../src/chain/metrics.ts';
import type { Connect } from '../../src/chain/rpc/connection.ts';
import type { RpcAnswer, RpcCall } from '../../src/chain/rpc/json-rpc.ts';
import { RpcPool } from '../../src/chain/rpc/rpc-pool.ts';

const hex = (value: number): Hex => `0x${value.toString(16)}`;

/** Blocks by number; each fork has hashes of its own. */
class ScriptedChain {
  readonly forks: string[] = [];
  asked = 0;

  constructor(blocks: number) {
    this.grow(blocks);
  }

  grow(blocks: number, fork = 'a'): void {
    for (let i = 0; i < blocks; i++) this.forks.push(`${this.forks.at(-1) ?? ''}${fork}`);
  }

  /** Puts other blocks in the place of the last ones. */
  replace(depth: number, blocks: number, fork: string): void {
    this.forks.splice(-depth);
    this.grow(blocks, fork);
  }

  answer({ method, params = [] }: RpcCall, head = this.forks.length - 1): RpcAnswer {
    this.asked++;
    if (method === 'eth_chainId') return { result: '0x1' };
    const number = params[0] === 'latest' ? head : Number(params[0]);
    if (method !== 'eth_getBlockByNumber' || number > head) return { result: null };
    const hashAt = (at: number) => keccak256(Buffer.from(`${at}${this.forks[at] ?? 'none'}`));
    const block = { number: hex(number), hash: hashAt(number), parentHash: hashAt(number - 1) };
    return { result: { ...block, timestamp: hex(1000 + number), gasLimit: '0x1' } };
  }
}

async function trailOf(
  answers: Record<string, (call: RpcCall) => RpcAnswer>,
  init: ConstructorParameters<typeof BlockTrail>[1] = { pollMs: 1_000 },
) {
  const clock = new VirtualClock();
  const metrics = chainMetrics(noMetrics);
  const tells: ((head: unknown) => void)[] = [];
  const connect: Connect = ({ url, onHead }) => {
    tells.push(onHead);
    return { send: async (calls) => calls.map((call) => answers[url]!(call)), close: () => {} };
  };
  const components = { clock, logger: silentLogger, metrics };
  const pool = new RpcPool({ ...components, random: seededRandom(1), connect }, { urls: Object.keys(answers) });
  const trail = new BlockTrail({ ...components, pool }, init);
  await trail.start();
  const changes: TrailChange[] = [];
  trail.onChange((change) => changes.push(change));
  return { clock, trail, changes, tell: (head: unknown) => tells[0]!(head) };
}

describe('the trail of blocks', () => {
  it('adds what is new, with everything in between', async () => {
    const chain = new ScriptedChain(50);
    const { clock, trail, changes } = await trailOf({ 'http://a': (call) => chain.answer(call) });
    expect(trail.tip.number).toBe(49n);
    chain.grow(1);
    await clock.advance(1_000);
    chain.grow(7);
    await clock.advance(1_000);
    expect(changes.map(({ added, dropped }) => [added.length, dropped.length])).toEqual([
      [1, 0],
      [7, 0],
    ]);
    for (let number = trail.lowest.number + 1n; number <= trail.tip.number; number++) {
      expect(trail.at(number)!.parentHash).toBe(trail.at(number - 1n)!.hash);
    }
    expect(trail.blockSeconds).toBe(1);
    await trail.close();
  });

  it.each([1, 3, 20, 31])('goes back by %i blocks', async (depth) => {
    const chain = new ScriptedChain(50);
    const { clock, trail, changes } = await trailOf({ 'http://a': (call) => chain.answer(call) });
    chain.replace(depth, depth + 1, 'b');
    await clock.advance(2_000);
    expect(changes).toHaveLength(1);
    expect(changes[0]!.dropped).toHaveLength(depth);
    expect(changes[0]!.added).toHaveLength(depth + 1);
    expect(trail.tip.number).toBe(50n);
    await trail.close();
  });

  it('believes neither a back end that lags nor one that is alone with another block', async () => {
    const chain = new ScriptedChain(50);
    let isOdd = false;
    let turn = 0;
    const other = new ScriptedChain(49);
    other.grow(1, 'x');
    const { clock, trail, changes } = await trailOf({
      'http://a': (call) => {
        const backEnds = [() => chain.answer(call), () => other.answer(call), () => chain.answer(call, 44)];
        return backEnds[isOdd ? turn++ % 3 : 0]!();
      },
    });
    isOdd = true;
    await clock.advance(5_000);
    expect(changes.flatMap(({ dropped }) => dropped)).toEqual([]);
    expect(trail.tip.number).toBe(49n);
    await trail.close();
  });

  it.each([
    [0, 130],
    [0.4, 200],
  ])(
    'asks about once a block where blocks have a pace, give or take %d of it, and is not late',
    async (jitter, askedMax) => {
      const random = seededRandom(3);
      const chain = new ScriptedChain(50);
      const { clock, trail } = await trailOf({ 'http://a': (call) => chain.answer(call) }, {});
      let lateMs = 0;
      const before = chain.asked;
      let next = 1000;
      for (let ms = 0; ms < 100_000; ms += 10) {
        if (ms >= next) {
          chain.grow(1);
          // By the block before it, not by the last delay.
          next = 1000 * (Math.floor(next / 1000) + 1 + jitter * random.float());
        }
        await clock.advance(10);
        if (trail.tip.number < chain.forks.length - 1) lateMs += 10;
      }
      expect(chain.asked - before).toBeLessThan(askedMax);
      expect(lateMs / 100).toBeLessThan(400);
      await trail.close();
    },
  );

  it('asks for nothing while it is told, and soon when it is told no more', async () => {
    const chain = new ScriptedChain(50);
    const { clock, trail, changes, tell } = await trailOf({ 'http://a': (call) => chain.answer(call) }, {});
    const block = () => chain.answer({ method: 'eth_getBlockByNumber', params: ['latest'] }).result;
    for (let i = 0; i < 100; i++) {
      chain.grow(1);
      tell(block());
      // Some say it twice.
      tell(block());
      await clock.advance(1_000);
    }
    // Those above.
    expect(chain.asked - 50).toBeLessThanOrEqual(200);
    expect(trail.tip.number).toBe(149n);
    expect(changes).toHaveLength(100);
    chain.grow(6);
    await clock.advance(6_000);
    expect(trail.tip.number).toBe(155n);
    chain.grow(1);
    await clock.advance(1_500);
    expect(trail.tip.number).toBe(156n);
    await trail.close();
  });

  it('finds out by asking what it is told and does not know', async () => {
    const chain = new ScriptedChain(50);
    const { clock, trail, changes, tell } = await trailOf(
      { 'http://a': (call) => chain.answer(call) },
      { pollMs: 3_600_000 },
    );
    const block = () => chain.answer({ method: 'eth_getBlockByNumber', params: ['latest'] }).result as object;
    for (const odd of [undefined, 'new', { number: '0x1' }, { ...block(), hash: '0x12', parentHash: '0x13' }]) {
      tell(odd);
      await clock.advance(1_000);
    }
    expect(changes).toEqual([]);
    // With a gap, in the place of others, and in the middle of finding out.
    chain.grow(5);
    tell(block());
    await clock.advance(1_000);
    chain.replace(3, 4, 'b');
    tell(block());
    chain.grow(1, 'b');
    tell(block());
    await clock.advance(1_000);
    expect(trail.tip.number).toBe(56n);
    expect(changes.flatMap(({ dropped }) => dropped)).toHaveLength(3);
    for (let number = trail.lowest.number + 1n; number <= trail.tip.number; number++) {
      expect(trail.at(number)!.parentHash).toBe(trail.at(number - 1n)!.hash);
    }
    await trail.close();
  });

  it('begins anew when the chain did', async () => {
    const chain = new ScriptedChain(80);
    const { clock, trail, changes } = await trailOf({ 'http://a': (call) => chain.answer(call) });
    chain.replace(70, 3, 'n');
    await clock.advance(20_000);
    expect(trail.tip.number).toBe(12n);
    expect(changes.at(-1)!.dropped.length).toBeGreaterThan(0);
    await trail.close();
  });

  it('sounds an alarm when nothing comes, and asks another end point', async () => {
    const chain = new ScriptedChain(50);
    let asked = 0;
    const { clock, trail } = await trailOf({
      'http://frozen': (call) => chain.answer(call, 49),
      'http://fresh': (call) => {
        asked++;
        return chain.answer(call);
      },
    });
    chain.grow(5);
    await clock.advance(29_000);
    expect(trail.isStale).toBe(false);
    expect(asked).toBe(0);
    await clock.advance(3_000);
    expect(asked).toBeGreaterThan(0);
    expect(trail.tip.number).toBe(54n);
    expect(trail.isStale).toBe(false);
    await clock.advance(40_000);
    expect(trail.isStale).toBe(true);
    await trail.close();
  });
});
