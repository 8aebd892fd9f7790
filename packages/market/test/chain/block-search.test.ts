import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockNear, type Moment } from '../../src/chain/blocks/block-search.ts';

function search(blocks: readonly Moment[], time: bigint): { found: Promise<bigint>; asked: () => number } {
  let asked = 0;
  const [earliest] = blocks;
  const at = async (number: bigint) => {
    asked++;
    const block = blocks[Number(number - earliest!.number)];
    if (!block) throw new Error(`There is no block ${number}`);
    return block;
  };
  return { found: blockNear(time, { earliest: earliest!, latest: blocks.at(-1)!, at }), asked: () => asked };
}

describe('the block for a time', () => {
  const two = [
    { number: 291n, timestamp: 1728436100n },
    { number: 292n, timestamp: 1728436110n },
  ];
  it.each([
    [1728436100n, 291n],
    [1728436104n, 291n],
    [1728436105n, 292n],
    [1728436106n, 292n],
    [1728436110n, 292n],
  ])('at %s is %s (16 §6)', async (time, number) => {
    expect(await search(two, time).found).toBe(number);
  });

  it.each([1, 4, 5, 10, 13, 22, 29, 46, 61])('before the first of %s blocks is the first', async (head) => {
    const blocks = Array.from({ length: head + 1 }, (_, i) => ({ number: BigInt(i), timestamp: BigInt(100 + i) }));
    expect(await search(blocks, 5n).found).toBe(0n);
    expect(await search(blocks, 5000n).found).toBe(BigInt(head));
  });

  it('is the nearest, of equally near ones the later, of equal ones the first, and found in few steps', async () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 300 });
    const one = fc.record({ gaps, offset: fc.integer({ min: -5, max: 3000 }), first: fc.integer({ min: 0, max: 9 }) });
    await fc.assert(
      fc.asyncProperty(one, async ({ gaps, offset, first }) => {
        let timestamp = 1000n;
        const blocks = [{ number: BigInt(first), timestamp }];
        for (const gap of gaps) {
          timestamp += BigInt(gap);
          blocks.push({ number: BigInt(first + blocks.length), timestamp });
        }
        const time = 1000n + BigInt(offset);
        const distance = (block: Moment) => (block.timestamp > time ? block.timestamp - time : time - block.timestamp);
        const least = blocks.reduce((best, block) => (distance(block) < distance(best) ? block : best));
        const { found, asked } = search(blocks, time);
        const block = blocks[Number((await found) - BigInt(first))]!;
        expect(distance(block)).toBe(distance(least));
        if (time > 1000n && block.timestamp === time) {
          expect(blocks[Number(block.number) - first - 1]!.timestamp).toBeLessThan(time);
        }
        const later = blocks.find(({ timestamp: at }) => at === time + distance(least));
        if (later && time > 1000n && time <= timestamp) expect(block.timestamp).toBe(later.timestamp);
        expect(asked()).toBeLessThanOrEqual(8 + Math.ceil(Math.log2(blocks.length)));
      }),
    );
  });
});
