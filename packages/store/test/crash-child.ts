/**
 * Works on a repository until it is killed, and says what it began and what was acknowledged: one JSON line each.
 * Arguments: directory, seed, cids of datasets that are there.
 */
import { writeSync } from 'node:fs';
import { blockCid, sha256 } from '@codex/content';
import { type Random, seededRandom } from '@codex/runtime';
import { openDisk } from './open-script.ts';

export const BLOCK = 4096;

/** The content of a seed: some blocks are shared between seeds. */
export function contentOf(seed: number): Buffer {
  const random = seededRandom(seed);
  const blocks = Array.from({ length: 1 + random.int(400) }, () =>
    seededRandom(random.int(3) === 0 ? random.int(50) : 1000 + random.int(2 ** 30)).bytes(BLOCK),
  );
  return Buffer.concat(blocks).subarray(0, blocks.length * BLOCK - random.int(BLOCK));
}

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function work(path: string, random: Random, seeds: number[]): Promise<void> {
  const repository = await openDisk(path);
  await repository.start();
  say({ open: true });
  const cids = new Map<number, Awaited<ReturnType<typeof put>>>();
  const put = async (seed: number) => {
    const writer = repository.createDataset({ blockSize: BLOCK });
    const content = contentOf(seed);
    for (let at = 0; at < content.length; at += 50_000) await writer.append(content.subarray(at, at + 50_000));
    return writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize: BLOCK }));
  };
  const lane = async () => {
    for (;;) {
      const choice = random.int(10);
      const seed = seeds.length > 0 ? seeds[random.int(seeds.length)]! : 0;
      if (choice < 5 || seeds.length === 0) {
        const fresh = 1 + random.int(2 ** 30);
        cids.set(fresh, await put(fresh));
        say({ stored: fresh });
        seeds.push(fresh);
      } else if (choice < 8) {
        seeds.splice(seeds.indexOf(seed), 1);
        // Uploading again is how the child learns the CID of an earlier run.
        const cid = cids.get(seed) ?? (await put(seed));
        say({ deleting: seed });
        await repository.delete(cid);
        say({ deleted: seed });
      } else {
        const block = seededRandom(2 ** 31 + random.int(1000)).bytes(1 + random.int(20_000));
        await repository.putBlock(blockCid(sha256(block)), block);
        say({ block: Buffer.from(block).toString('base64') });
      }
    }
  };
  await Promise.all([lane(), lane(), lane()]);
}

if (process.argv[1] === import.meta.filename) {
  const [path = '', seed = '0', seeds = '[]'] = process.argv.slice(2);
  await work(path, seededRandom(Number(seed)), JSON.parse(seeds) as number[]);
}
