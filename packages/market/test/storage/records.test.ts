import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileRecords, type Json, MemoryRecords, type RecordStore } from '../../src/index.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'market-records-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const put = (pairs: readonly (readonly [string, Json | undefined])[]) => new Map(pairs);

const STORES: readonly (readonly [string, () => Promise<RecordStore>])[] = [
  ['memory', async () => new MemoryRecords()],
  ['a file', () => FileRecords.open(join(directory, 'records'))],
];

describe.each(STORES)('records in %s', (_, open) => {
  it('are put, listed by prefix in order, and deleted, in batches', async () => {
    const records = await open();
    await records.write(
      put([
        ['b/2', { size: 1 }],
        ['a/1', 'x'],
        ['b/1', [1, null]],
      ]),
    );
    expect(records.list('b/')).toEqual([
      ['b/1', [1, null]],
      ['b/2', { size: 1 }],
    ]);
    await records.write(
      put([
        ['b/1', undefined],
        ['a/1', 'y'],
      ]),
    );
    expect(records.get('a/1')).toBe('y');
    expect(records.list('').map(([key]) => key)).toEqual(['a/1', 'b/2']);
    if (records instanceof FileRecords) await records.close();
  });
});

describe('the file of records', () => {
  it('keeps every acknowledged batch, wherever a crash cuts the rest', async () => {
    const path = join(directory, 'records');
    const records = await FileRecords.open(path);
    const ends: number[] = [];
    for (let i = 0; i < 8; i++) {
      await records.write(
        put([
          [`k${i % 3}`, { text: 'ä\n'.repeat(i), i }],
          [`l${i % 2}`, i % 4 === 0 ? undefined : i],
        ]),
      );
      ends.push((await readFile(path)).length);
    }
    await records.close();
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (cut) => {
        const torn = join(directory, 'torn');
        await writeFile(torn, whole.subarray(0, cut));
        const acknowledged = ends.filter((end) => end <= cut).length;
        const opened = await FileRecords.open(torn);
        const last = Math.max(...[0, 1, 2].map((k) => (opened.get(`k${k}`) as { i: number } | undefined)?.i ?? -1));
        expect(last).toBe(acknowledged - 1);
        // It can be gone on with.
        await opened.write(put([['after', true]]));
        await opened.close();
        const again = await FileRecords.open(torn);
        expect(again.get('after')).toBe(true);
        await again.close();
      }),
      { numRuns: 40 },
    );
  });

  it('refuses a file that is damaged before its end', async () => {
    const path = join(directory, 'records');
    const records = await FileRecords.open(path);
    await records.write(put([['a', 1]]));
    await records.write(put([['b', 1]]));
    await records.close();
    const bytes = await readFile(path);
    bytes[20] = bytes[20]! ^ 1;
    await writeFile(path, bytes);
    await expect(FileRecords.open(path)).rejects.toMatchObject({ code: 'RECORDS_UNUSABLE' });
    await expect(records.write(put([['c', 1]]))).rejects.toMatchObject({ code: 'RECORDS_UNUSABLE' });
  });

  it('is written anew when it holds many more lines than records', async () => {
    const path = join(directory, 'records');
    const records = await FileRecords.open(path);
    await Promise.all(Array.from({ length: 4200 }, (_, i) => records.write(put([[`k${i % 200}`, i]]))));
    await records.close();
    expect((await readFile(path, 'utf8')).split('\n').length).toBeLessThan(200);
    const again = await FileRecords.open(path);
    expect(again.list('')).toHaveLength(200);
    expect(again.get('k0')).toBe(4000);
    await again.close();
  });
});
