import { expect, it } from 'vitest';
import { listed } from './content.ts';
import { openDisk, withDirectory } from './disk-helpers.ts';

const COUNT = process.env.SOAK === 'short' ? 5_000 : 100_000;
/** Uploads at a time: they share commits. */
const LANES = 8;

it(`stores ${COUNT} small datasets without growing slower`, async () => {
  await withDirectory(async (path) => {
    let repository = await openDisk(path);
    let next = 0;
    const lane = async (end: number) => {
      while (next < end) {
        const content = Buffer.from(`content of small file ${next++}`);
        const writer = repository.createDataset({ blockSize: 65536 });
        await writer.append(content);
        await writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize: 65536 }));
      }
    };
    const rates: number[] = [];
    for (let part = 1; part <= 5; part++) {
      const [startedMs, from] = [performance.now(), next];
      await Promise.all(Array.from({ length: LANES }, () => lane((COUNT * part) / 5)));
      rates.push(Math.round(((next - from) * 1000) / (performance.now() - startedMs)));
    }
    let startedMs = performance.now();
    expect(await listed(repository)).toHaveLength(COUNT);
    const listMs = performance.now() - startedMs;
    await repository.stop();
    startedMs = performance.now();
    repository = await openDisk(path);
    const openMs = performance.now() - startedMs;
    expect(repository.usage().totalBlocks).toBe(2 * COUNT);
    process.stdout.write(
      `${JSON.stringify({ perSecond: rates, listMs: Math.round(listMs), openMs: Math.round(openMs) })}\n`,
    );
    expect(rates.at(-1)!).toBeGreaterThan(rates[0]! / 3);
    expect(openMs).toBeLessThan(1000);
    await repository.stop();
  });
});
