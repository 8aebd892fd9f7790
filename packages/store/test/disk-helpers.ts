import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InlineCompute, SharedSlabPool } from '@codex/compute';
import { systemClock } from '@codex/runtime';
import { expect } from 'vitest';
import { DiskRepository, type DiskRepositoryComponents, type DiskRepositoryInit } from '../src/index.ts';

/** A directory of its own for a test. */
export async function withDirectory<T>(work: (path: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'codex-store-'));
  try {
    return await work(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

export function openDisk(
  path: string,
  init: Partial<DiskRepositoryInit> = {},
  components: Partial<DiskRepositoryComponents> = {},
): Promise<DiskRepository> {
  return DiskRepository.open(
    { compute: new InlineCompute(), slabs: new SharedSlabPool({}, { limit: 16 }), clock: systemClock, ...components },
    { quotaBytes: Number.MAX_SAFE_INTEGER, ...init, path },
  );
}

/** Counters and references equal a recount (03 §8). */
export async function expectSound(repository: DiskRepository): Promise<void> {
  const audit = await repository.audit();
  const usage = repository.usage();
  expect(audit).toMatchObject({
    totalBlocks: usage.totalBlocks,
    usedBytes: usage.quotaUsedBytes,
    wrongReferences: 0,
    strays: 0,
  });
}
