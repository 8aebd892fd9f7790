import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LmdbStorage } from '../../src/storage/lmdb-storage.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import { readAll, storageSuite } from './storage-suite.ts';

storageSuite('memory', async () => ({ storage: new MemoryStorage(), teardown: async () => {} }));

storageSuite('LMDB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dht-'));
  const storage = LmdbStorage.open(join(directory, 'dht'));
  let again: LmdbStorage | undefined;
  return {
    storage,
    reopen: async () => {
      again = LmdbStorage.open(join(directory, 'dht'));
      return again;
    },
    teardown: async () => {
      await storage.close();
      await again?.close();
      await rm(directory, { recursive: true });
    },
  };
});

describe('LMDB', () => {
  it('has after kill -9 what was written, and nothing by halves', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dht-'));
    const writer = `
      const { LmdbStorage } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/storage/lmdb-storage.ts'))});
      const storage = LmdbStorage.open(${JSON.stringify(directory)});
      for (let round = 0; ; round++) {
        await storage.write(Array.from({ length: 50 }, (_, i) => [Buffer.from('key ' + i), Buffer.from('round ' + round)]));
        console.log(round);
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let acknowledged = -1;
    for await (const chunk of child.stdout) {
      acknowledged = Number(String(chunk).trim().split('\n').at(-1));
      if (acknowledged >= 20) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const storage = LmdbStorage.open(directory);
    const rounds = (await readAll(storage)).map(([, value]) => Number(value.slice('round '.length)));
    await storage.close();
    await rm(directory, { recursive: true });
    expect(rounds).toHaveLength(50);
    expect(new Set(rounds).size).toBe(1);
    expect(rounds[0]).toBeGreaterThanOrEqual(acknowledged);
  });

  it('refuses a file that is none of its own, or that was cut, instead of ending the process', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dht-'));
    const file = join(directory, 'data.mdb');
    const damaged = () => expect(() => LmdbStorage.open(directory)).toThrow(/is no LMDB file/);
    for (const bytes of ['x', Buffer.alloc(50_000), Buffer.alloc(50_000, 0xa5)]) {
      await writeFile(file, bytes);
      damaged();
    }
    await writeFile(file, '');
    await LmdbStorage.open(directory).close();
    await truncate(file, 5000);
    damaged();
    await rm(directory, { recursive: true });
  });
});
