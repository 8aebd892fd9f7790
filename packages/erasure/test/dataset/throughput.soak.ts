import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Report } from './throughput-child.ts';

const SHORT = process.env.SOAK === 'short';
const SIZE_MIB = Number(process.env.SIZE_MIB ?? (SHORT ? 128 : 4096));

/** As a node is started (docs/decisions/0002). */
const NODE_FLAGS = ['--max-semi-space-size=1', '--external-memory-accounted-in-global-limit'];

it(`protects and restores ${SIZE_MIB} MiB at 20 + 10`, async () => {
  const path = await mkdtemp(join(tmpdir(), 'codex-erasure-'));
  try {
    const script = new URL('./throughput-child.ts', import.meta.url).pathname;
    const args = [...NODE_FLAGS, script, path, String(SIZE_MIB), '20', '10'];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, MALLOC_ARENA_MAX: '2' },
    });
    process.stdout.write(stdout);
    const { copy, protect, restore } = JSON.parse(stdout) as Report;
    for (const { rssMiB } of [protect, restore]) expect(rssMiB).toBeLessThanOrEqual(400e6 / 2 ** 20);
    // A short run, beside whatever else the machine does, says nothing about time.
    if (SHORT) return;
    expect(copy.seconds / protect.seconds).toBeGreaterThanOrEqual(0.5);
    for (const { delayP99Ms } of [protect, restore]) expect(delayP99Ms).toBeLessThanOrEqual(20);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
});
