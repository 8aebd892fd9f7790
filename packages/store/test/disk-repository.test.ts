import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InlineCompute, SharedSlabPool } from '@codex/compute';
import { VirtualClock } from '@codex/runtime';
import { DiskRepository } from '../src/index.ts';
import { repositoryCompliance } from './compliance.ts';
import { HOUR_MS } from './content.ts';

repositoryCompliance(
  'DiskRepository',
  async (clock, init) => {
    const path = await mkdtemp(join(tmpdir(), 'codex-store-'));
    const compute = new InlineCompute();
    const repository = await DiskRepository.open(
      { compute, slabs: new SharedSlabPool({}, { limit: 8 }), clock },
      { quotaBytes: Number.MAX_SAFE_INTEGER, ...init, path, maintenanceIntervalMs: HOUR_MS / 4 },
    );
    return {
      repository,
      settle: async () => {
        await repository.audit();
      },
      close: async () => {
        await repository.stop();
        await rm(path, { recursive: true, force: true });
      },
    };
  },
  () => new VirtualClock(1_000_000),
);
