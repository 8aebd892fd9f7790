import type { Dataset, LeafBatch, LeafRange } from '@codex/content';
import { CodexError } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutBatch } from '../../src/reader/byte-batch.ts';
import { BatchReader, readDataset } from '../../src/reader/index.ts';
import { datasetOf, eventually, RepositoryFetcher, store, stream } from '../api/harness.ts';

const BLOCK = 65536;

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of pieces) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

/** Two repositories: the second has `size` bytes, the first fetches from it. */
async function pair(size: number) {
  const local = new MemoryRepository();
  const remote = new MemoryRepository();
  const bytes = stream('reader', size);
  const cid = await store(remote, bytes);
  const fetcher = new RepositoryFetcher(local, remote);
  await fetcher.fetchBlock(cid);
  return { bytes, cid, local, remote, fetcher, dataset: await datasetOf(local, cid) };
}

describe('reading what is held', () => {
  it('gives any range', async () => {
    const repository = new MemoryRepository();
    const size = 5 * BLOCK + 123;
    const bytes = stream('held', size);
    const dataset = await datasetOf(repository, await store(repository, bytes));
    const edge = fc.oneof(fc.integer({ min: 0, max: size }), fc.constantFrom(0, BLOCK - 1, BLOCK, BLOCK + 1, size));
    await fc.assert(
      fc.asyncProperty(edge, edge, async (a, b) => {
        const range = { start: Math.min(a, b), end: Math.max(a, b) };
        expect((await collect(readDataset({ dataset, range }))).equals(bytes.subarray(range.start, range.end))).toBe(
          true,
        );
      }),
      { numRuns: 50 },
    );
  });

  it('fails at a block that is missing, having given what is before it', async () => {
    const { dataset, fetcher, bytes } = await pair(4 * BLOCK);
    await fetcher.fetchDataset(dataset, { ranges: [{ start: 0, count: 2 }] });
    const reader = readDataset({ dataset, range: { start: 0, end: 2 * BLOCK } });
    expect((await collect(reader)).equals(bytes.subarray(0, 2 * BLOCK))).toBe(true);
    await expect(collect(readDataset({ dataset, range: { start: 0, end: 4 * BLOCK } }))).rejects.toMatchObject({
      code: 'BLOCK_NOT_FOUND',
    });
  });
});

describe('reading while fetching', () => {
  it('gives any range in order, whatever is held before', async () => {
    const leaves = 20;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: leaves - 1 }), { maxLength: 10 }),
        fc.integer({ min: 0, max: leaves * BLOCK }),
        fc.integer({ min: 1, max: 7 }),
        async (held, start, batch) => {
          const { dataset, fetcher, bytes } = await pair(leaves * BLOCK - 5);
          for (const index of held) await fetcher.fetchDataset(dataset, { ranges: [{ start: index, count: 1 }] });
          fetcher.batch = batch;
          const range = { start, end: bytes.length };
          expect((await collect(readDataset({ dataset, fetcher, range }))).equals(bytes.subarray(start))).toBe(true);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('ends the fetch when the reader is closed early', async () => {
    const { dataset, fetcher } = await pair(100 * BLOCK);
    fetcher.batch = 1;
    for await (const piece of readDataset({ dataset, fetcher, range: { start: 0, end: 100 * BLOCK } })) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    await eventually(() => fetcher.running).toBe(0);
    expect(fetcher.aborted).toBe(1);
    expect(dataset.heldCount).toBeLessThan(100);
  });

  it('ends with the reason of its signal while it waits', async () => {
    const { dataset, fetcher } = await pair(4 * BLOCK);
    const stop = new AbortController();
    const reason = new Error('enough');
    fetcher.beforeStep = () => {
      stop.abort(reason);
      return new Promise(() => {});
    };
    const reader = readDataset({ dataset, fetcher, range: { start: 0, end: BLOCK }, signal: stop.signal });
    await expect(collect(reader)).rejects.toBe(reason);
  });

  it('gives what comes before a failing fetch, then its error', async () => {
    const { dataset, fetcher, bytes } = await pair(8 * BLOCK);
    fetcher.batch = 1;
    fetcher.beforeStep = (at) => {
      if (at === 5) throw new CodexError('BLOCK_NOT_FOUND', 'all peers left');
    };
    const pieces: Buffer[] = [];
    const reading = (async () => {
      for await (const piece of readDataset({ dataset, fetcher, range: { start: 0, end: bytes.length } })) {
        pieces.push(Buffer.from(piece));
      }
    })();
    await expect(reading).rejects.toMatchObject({ message: 'all peers left' });
    expect(Buffer.concat(pieces).equals(bytes.subarray(0, 5 * BLOCK))).toBe(true);
  });

  it('fetches a block again that vanished after it was held, but not for ever', async () => {
    const { dataset, fetcher, bytes } = await pair(4 * BLOCK);
    const flaky = (failures: number): Dataset => {
      let left = failures;
      return new Proxy(dataset, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key);
          if (key === 'read') {
            return async function* (range: LeafRange): AsyncGenerator<LeafBatch> {
              if (left-- > 0) throw new CodexError('BLOCK_NOT_FOUND', 'corrupt', { index: range.start });
              yield* target.read(range);
            };
          }
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    };
    const range = { start: 0, end: bytes.length };
    expect((await collect(readDataset({ dataset: flaky(3), fetcher, range }))).equals(bytes)).toBe(true);
    await expect(collect(readDataset({ dataset: flaky(4), fetcher, range }))).rejects.toMatchObject({
      message: 'corrupt',
    });
  });

  it('gives up on a fetch that ends without the block', async () => {
    const { dataset } = await pair(2 * BLOCK);
    let fetches = 0;
    const fetcher = {
      fetchDataset: async () => {
        fetches++;
      },
    };
    const range = { start: 0, end: BLOCK };
    await expect(collect(readDataset({ dataset, fetcher, range }))).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
    expect(fetches).toBeLessThan(10);
  });

  it('tells the fetcher where it waits', async () => {
    const { dataset, fetcher, bytes } = await pair(8 * BLOCK);
    const focused: number[] = [];
    const focusing = {
      fetchDataset: (...args: Parameters<RepositoryFetcher['fetchDataset']>) => fetcher.fetchDataset(...args),
      focus: (_tree: unknown, index: number) => focused.push(index),
    };
    await collect(readDataset({ dataset, fetcher: focusing, range: { start: 5 * BLOCK + 1, end: bytes.length } }));
    expect(focused[0]).toBe(5);
  });
});

describe('suspend', () => {
  it('gives back what was read ahead and goes on where it stopped', async () => {
    const repository = new MemoryRepository();
    const bytes = stream('suspend', 100 * BLOCK);
    const dataset = await datasetOf(repository, await store(repository, bytes));
    let open = 0;
    const counted = new Proxy(dataset, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === 'read') {
          return async function* (range: LeafRange): AsyncGenerator<LeafBatch> {
            open++;
            try {
              yield* target.read(range);
            } finally {
              open--;
            }
          };
        }
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const reader = new BatchReader({ dataset: counted, range: { start: 0, end: bytes.length } });
    const pieces: Buffer[] = [];
    for (let i = 0; ; i++) {
      const { done, value } = await reader.next();
      if (done) break;
      pieces.push(...value.chunks.map((chunk) => Buffer.from(chunk)));
      value.release();
      if (i % 2 === 0) {
        await reader.suspend();
        expect(open).toBe(0);
      }
    }
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    expect(open).toBe(0);
  });
});

describe('cutBatch', () => {
  const batch = (start: number, blocks: Uint8Array[]): LeafBatch => ({
    start,
    count: blocks.length,
    digests: new Uint8Array(32 * blocks.length),
    blocks,
    release: () => {},
  });

  it('joins neighbours in memory into one chunk', () => {
    const slab = stream('slab', 4 * BLOCK);
    const blocks = [0, 1, 2, 3].map((i) => slab.subarray(i * BLOCK, (i + 1) * BLOCK));
    const { chunks, byteLength, offset } = cutBatch(batch(10, blocks), BLOCK, 10 * BLOCK + 5, 14 * BLOCK - 5);
    expect(chunks.length).toBe(1);
    expect(Buffer.from(chunks[0]!).equals(slab.subarray(5, 4 * BLOCK - 5))).toBe(true);
    expect(byteLength).toBe(4 * BLOCK - 10);
    expect(offset).toBe(10 * BLOCK + 5);
  });

  it('expands zero blocks and fills short ones', () => {
    const blockSize = 3 * BLOCK;
    const short = stream('short', 100);
    const { chunks } = cutBatch(batch(0, [new Uint8Array(0), short]), blockSize, 10, 2 * blockSize);
    const expected = Buffer.concat([Buffer.alloc(blockSize - 10), short, Buffer.alloc(blockSize - 100)]);
    expect(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))).equals(expected)).toBe(true);
  });
});
