import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Chunker } from '../src/index.ts';
import { hex } from './vectors.ts';

it('cuts a stream of any pieces into padded blocks, through dirty memory', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
  fc.assert(
    fc.property(
      pieces,
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 1, max: 3 }),
      (stream, blockSize, perTarget) => {
        const blocks: number[] = [];
        const fresh = () => new Uint8Array(perTarget * blockSize + 1).fill(0xee);
        const take = (full: Chunker) => blocks.push(...full.target.subarray(0, full.fullBlocks * blockSize));
        let chunker = new Chunker(fresh(), blockSize);
        for (const piece of stream) {
          for (let at = 0; at < piece.length; ) {
            at += chunker.write(piece.subarray(at));
            if (chunker.isFull) {
              take(chunker);
              chunker = new Chunker(fresh(), blockSize);
            }
          }
        }
        const padding = chunker.pad();
        take(chunker);
        const bytes = stream.flatMap((piece) => [...piece]);
        expect(padding).toBe((blockSize - (bytes.length % blockSize)) % blockSize);
        expect(blocks).toEqual([...bytes, ...new Array<number>(padding).fill(0)]);
      },
    ),
  );
});

it('carries an unfinished block into the next target', () => {
  const first = new Chunker(new Uint8Array(8), 4);
  expect(first.write(Uint8Array.of(1, 2, 3, 4, 5, 6))).toBe(6);
  const second = first.continueIn(new Uint8Array(8).fill(9));
  expect([first.used, first.fullBlocks, second.used]).toEqual([4, 1, 2]);
  expect([second.pad(), second.fullBlocks, hex(second.target)]).toEqual([2, 1, '0506000009090909']);
});

it('refuses a target that holds no block', () => {
  expect(() => new Chunker(new Uint8Array(3), 4)).toThrow(RangeError);
});
