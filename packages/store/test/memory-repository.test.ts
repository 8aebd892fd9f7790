import { VirtualClock } from '@codex/runtime';
import { MemoryRepository } from '../src/index.ts';
import { repositoryCompliance } from './compliance.ts';
import { HOUR_MS } from './content.ts';

repositoryCompliance(
  'MemoryRepository',
  async (clock, init) => {
    const repository = new MemoryRepository({ clock }, { ...init, maintenanceIntervalMs: HOUR_MS / 4 });
    return { repository, settle: async () => {}, close: () => repository.stop() };
  },
  () => new VirtualClock(1_000_000),
);
