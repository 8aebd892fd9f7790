import type { Compute } from '@codex/compute';
import type { LeafRange, Repository } from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import type { GroupMemory } from './group-memory.ts';

export interface ErasureComponents {
  readonly repository: Repository;
  readonly compute: Compute;
  /** One for the whole node. */
  readonly memory: GroupMemory;
}

export interface ErasureProgress {
  readonly phase: 'restore' | 'encode';
  /** Columns. */
  readonly done: number;
  readonly total: number;
}

export interface ErasureOptions extends AbortOptions {
  readonly onProgress?: (progress: ErasureProgress) => void;
}

/**
 * Brings leaves of a protected dataset into the local store, proved. Resolves when it has done what it can: a leaf that could
 * not be had is simply not held then. It rejects when going on is pointless, and when it is aborted.
 */
export type FetchLeaves = (ranges: readonly LeafRange[], options: AbortOptions) => Promise<void>;
