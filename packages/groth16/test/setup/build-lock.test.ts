import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuildLock } from '../../src/setup/build-lock.ts';

const TIMES = { beatMs: 5, pollMs: 2, staleMs: 10_000 };
const never = async () => false;

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'build-lock-'));
  path = join(directory, 'a.lock');
});
afterEach(() => rm(directory, { recursive: true }));

async function take(isDone = never, times = TIMES): Promise<BuildLock> {
  const lock = await BuildLock.take(path, isDone, { times });
  if (!lock) throw new Error('Nothing to take');
  return lock;
}

describe('a build lock', () => {
  it('is held by one at a time, and leaves nothing', async () => {
    let holders = 0;
    const hold = async () => {
      const lock = await take();
      expect(++holders).toBe(1);
      expect(await lock.isHeld()).toBe(true);
      await new Promise(setImmediate);
      holders--;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 8 }, hold));
    expect(await readdir(directory)).toEqual([]);
  });

  it('is not taken once there is nothing to do', async () => {
    let isDone = false;
    const first = await take();
    const second = BuildLock.take(path, async () => isDone, { times: TIMES });
    isDone = true;
    await first.release();
    expect(await second).toBeUndefined();
  });

  it('shows that its holder is alive', async () => {
    const lock = await take();
    const before = await readFile(path, 'utf8');
    while ((await readFile(path, 'utf8')) === before) await new Promise(setImmediate);
    expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^${lock.token}\\d+$`));
    await lock.release();
  });

  it('is taken away from a holder that is silent', async () => {
    await writeFile(path, 'of a process that was killed');
    const lock = await take(never, { ...TIMES, staleMs: 20 });
    expect(await lock.isHeld()).toBe(true);
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is not taken away from one that took it meanwhile', async () => {
    const first = await take();
    await rm(path);
    const second = await take();
    expect(await first.isHeld()).toBe(false);
    await first.release();
    expect(await second.isHeld()).toBe(true);
    await second.release();
  });

  it('is waited for no longer than the signal says', async () => {
    const lock = await take();
    const stop = new AbortController();
    const waiting = BuildLock.take(path, never, { signal: stop.signal, times: TIMES });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await lock.release();
  });

  it('cannot be taken where no file can be made', async () => {
    const missing = join(directory, 'missing', 'a.lock');
    await expect(BuildLock.take(missing, never, { times: TIMES })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
