import type { Repository } from '@codex/content';
import type { Clock, Logger } from '@codex/runtime';
import type { ByteBudget } from '../message/frame-reader.ts';
import type { ExchangeLimits } from './limits.ts';
import type { ExchangeMetrics } from './metrics.ts';
import type { TreeWatches } from './tree-watches.ts';

/** Why a peer is counted against: see the limits of the same names. */
export type Offence = 'malformed' | 'wrongBlocks' | 'spuriousBlocks';

/** What both halves of both protocols work with. */
export interface EngineParts {
  readonly repository: Repository;
  readonly watches: TreeWatches;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ExchangeMetrics;
  readonly limits: ExchangeLimits;
  readonly unfinished: ByteBudget;
  /** Counts against a peer; at the limit it is dropped. */
  offend(peer: string, offence: Offence, reason: string, count?: number): void;
}

/** The answering half of a protocol towards one peer. */
export interface Responder {
  /** A single block was stored here; `key` is its `cidKey`. */
  blockStored(key: string): void;
  /** Looks again for what peers wait for: a net below the notifications. */
  rescan(): Promise<void>;
  close(): void;
}
