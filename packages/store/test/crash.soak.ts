import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { blockCid, sha256 } from '@codex/content';
import { seededRandom } from '@codex/runtime';
import { expect, it } from 'vitest';
import { download, listed, makeDataset } from './content.ts';
import { BLOCK, contentOf } from './crash-child.ts';
import { expectSound, openDisk, withDirectory } from './disk-helpers.ts';

const KILLS = process.env.SOAK === 'short' ? 10 : 60;
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** What must be true after the kills so far. */
interface Acknowledged {
  readonly stored: Set<number>;
  /** Deletion had begun: may be there or not. */
  readonly unsure: Set<number>;
  readonly deleted: Set<number>;
  readonly blocks: Map<string, Buffer>;
}

/** Lets a child work, kills it after `afterMs` of work and takes note of what it said. */
async function runAndKill(path: string, seed: number, afterMs: number, known: Acknowledged): Promise<number> {
  const script = new URL('./crash-child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, path, String(seed), JSON.stringify([...known.stored])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Record<string, number> & { open?: boolean; block?: string };
    said++;
    if (event.open) setTimeout(() => child.kill('SIGKILL'), afterMs);
    if (event.stored !== undefined) {
      known.stored.add(event.stored);
      known.deleted.delete(event.stored);
    }
    if (event.deleting !== undefined) {
      known.stored.delete(event.deleting);
      known.unsure.add(event.deleting);
    }
    if (event.deleted !== undefined) {
      known.unsure.delete(event.deleted);
      known.deleted.add(event.deleted);
    }
    if (event.block !== undefined) {
      const block = Buffer.from(event.block, 'base64');
      known.blocks.set(event.block, block);
    }
  }
  return said;
}

it(`keeps everything acknowledged through ${KILLS} kills (seed ${SEED})`, async () => {
  await withDirectory(async (path) => {
    const random = seededRandom(SEED);
    const known: Acknowledged = { stored: new Set(), unsure: new Set(), deleted: new Set(), blocks: new Map() };
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      acknowledged += await runAndKill(path, random.int(2 ** 31), 5 + random.int(400), known);
      const repository = await openDisk(path);
      await expectSound(repository);
      const list = new Set(await listed(repository));
      for (const seed of known.stored) {
        const made = makeDataset(contentOf(seed), {}, BLOCK);
        expect(list, `dataset ${seed} after kill ${kill}`).toContain(made.manifestCid.toString());
        const bytes = await download(repository, made.manifestCid);
        expect(Buffer.from(bytes).equals(contentOf(seed)), `content of ${seed} after kill ${kill}`).toBe(true);
      }
      for (const seed of known.deleted) {
        expect(list).not.toContain(makeDataset(contentOf(seed), {}, BLOCK).manifestCid.toString());
      }
      for (const block of known.blocks.values()) {
        expect(Buffer.from((await repository.getBlock(blockCid(sha256(block))))!).equals(block)).toBe(true);
      }
      // Bounds the time that checking takes.
      for (const seed of [...known.stored].slice(8)) {
        await repository.delete(makeDataset(contentOf(seed), {}, BLOCK).manifestCid);
        known.stored.delete(seed);
      }
      known.deleted.clear();
      known.unsure.clear();
      await expectSound(repository);
      await repository.stop();
    }
    expect(acknowledged).toBeGreaterThan(KILLS);
  });
});
