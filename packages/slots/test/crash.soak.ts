import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { formatCid } from '@codex/content';
import { seededRandom } from '@codex/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildSlots, proofInput } from '../src/index.ts';
import { CELL, openDisk, protectedIn } from './support/crash-child.ts';
import { protect, streamOf } from './support/datasets.ts';

const KILLS = process.env.SOAK === 'short' ? 2 : 60;
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
/** A build takes a second or two. */
const BLOCKS = 8_000;
const CODE = { data: 8, parity: 4, blockSize: 1024 };

let root = '';
let expected = '';
let wholeMs = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'codex-slots-'));
  const components = await openDisk(join(root, 'template'));
  await protect(components, streamOf('crash', BLOCKS * CODE.blockSize - 77), CODE);
  await components.repository.stop();
  await cp(join(root, 'template'), join(root, 'whole'), { recursive: true });
  const started = performance.now();
  expect(await runAndKill(join(root, 'whole'), undefined)).toBe(true);
  wholeMs = performance.now() - started;
  const whole = await openDisk(join(root, 'whole'));
  expected = formatCid((await buildSlots(whole, { manifest: await protectedIn(whole), cellSize: CELL })).manifestCid);
  await whole.repository.stop();
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** Lets a child build and kills it some time after it began. True when it was done before. */
async function runAndKill(path: string, afterMs: number | undefined): Promise<boolean> {
  const script = new URL('./support/crash-child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line === 'open' && afterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), afterMs);
  }
  expect(lines[0]).toBe('open');
  return lines.includes('done');
}

it('goes on after it was killed, with whole trees only', async () => {
  const random = seededRandom(SEED);
  let unfinished = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const path = join(root, 'killed');
    await rm(path, { recursive: true, force: true });
    await cp(join(root, 'template'), path, { recursive: true });
    for (let life = 0; life < 3; life++) {
      if (!(await runAndKill(path, random.float() * wholeMs))) unfinished++;
      const components = await openDisk(path);
      const kept = await components.trees.list();
      for (const slotRoot of kept) {
        const tree = await components.trees.open(slotRoot);
        expect(tree, `seed ${SEED}, kill ${kill}`).toBeDefined();
        await tree?.close();
      }
      expect((await readdir(join(path, 'slots'))).length).toBe(kept.length);
      await components.repository.stop();
    }
    const components = await openDisk(path);
    const built = await buildSlots(components, { manifest: await protectedIn(components), cellSize: CELL });
    expect(formatCid(built.manifestCid), `seed ${SEED}, kill ${kill}`).toBe(expected);
    for (let slotIndex = 0; slotIndex < CODE.data + CODE.parity; slotIndex++) {
      const challenge = random.bytes(32);
      await proofInput(components, { manifest: built.manifest, slotIndex, challenge, samples: 20 });
    }
    await components.repository.stop();
  }
  expect(unfinished).toBeGreaterThan(0);
});
