import type { Compute } from '@codex/compute';
import type { Repository } from '@codex/content';
import type { Logger } from '@codex/runtime';
import type { SlotTreeStore } from './tree/slot-tree.ts';

export interface SlotComponents {
  readonly repository: Repository;
  readonly compute: Compute;
  readonly trees: SlotTreeStore;
  readonly logger?: Logger;
}
