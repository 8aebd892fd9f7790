import { Semaphore } from '@codex/runtime';
import type { Quota } from '../quota.ts';
import type { BlockIndex } from './block-index.ts';
import type { Committer } from './committer.ts';
import type { AppendedAt, AppendedBlock, SegmentLog } from './segment-log.ts';
import { latin1 } from './tables.ts';

/**
 * Writes blocks that are not there yet. One batch at a time goes through: looked up, booked, written, recorded; so one
 * CID is stored once however many put it at once. Whatever removes or moves blocks takes its turn here too.
 */
export class BlockStore {
  readonly #index: BlockIndex;
  readonly #quota: Quota;
  readonly #committer: Committer;
  readonly #log: SegmentLog;
  readonly #turn = new Semaphore(1);

  constructor(components: { index: BlockIndex; quota: Quota; committer: Committer; log: SegmentLog }) {
    this.#index = components.index;
    this.#quota = components.quota;
    this.#committer = components.committer;
    this.#log = components.log;
  }

  /** Runs `work` while no block is being written or removed. */
  exclusively<T>(work: () => Promise<T> | T): Promise<T> {
    return this.#turn.run(work);
  }

  /**
   * Stores blocks (of 1 byte or more) and then calls `record`, synchronously, which must take references or pins on
   * them. `wanted`, when given, picks what still has to be stored at the moment of the turn. Errors: `QUOTA_EXCEEDED`,
   * `DISK_FULL`, `DISK_FAILED`: nothing was changed then.
   */
  async put(blocks: readonly AppendedBlock[], record: () => void, wanted?: (i: number) => boolean): Promise<void> {
    const written = await this.#turn.run(async () => {
      this.#committer.checkUsable();
      const fresh = this.#fresh(wanted ? blocks.filter((_, i) => wanted(i)) : blocks);
      const logicalBytes = fresh.reduce((sum, block) => sum + block.logicalBytes, 0);
      this.#quota.announce(fresh.length, logicalBytes);
      let at: AppendedAt | undefined;
      if (fresh.length > 0) {
        try {
          at = await this.#log.append(fresh);
        } catch (error) {
          this.#quota.failed(fresh.length, logicalBytes);
          throw error;
        }
      }
      // From here to the end of `record` nothing yields: a commit sees all of it or nothing.
      this.#insert(fresh, at);
      this.#quota.arrived(fresh.length, logicalBytes);
      try {
        record();
      } finally {
        // Nobody took a reference when `record` failed: what it was written for is gone.
        for (const { digest } of fresh) this.#index.dropUnused(digest);
      }
      return fresh.reduce((sum, { physicalBytes }) => sum + physicalBytes, 0);
    });
    await this.#committer.wrote(written);
  }

  /** Writes copies of blocks to the end of the log: for compaction, inside `exclusively`. */
  async rewrite(blocks: readonly AppendedBlock[]): Promise<number> {
    const at = await this.#log.append(blocks);
    this.#index.grew(at.segment, at.segmentBytes);
    let offset = at.offset;
    for (const block of blocks) {
      this.#index.move(block.digest, { segment: at.segment, offset });
      offset += block.physicalBytes;
    }
    return offset - at.offset;
  }

  #fresh(blocks: readonly AppendedBlock[]): AppendedBlock[] {
    const fresh = new Map<string, AppendedBlock>();
    for (const block of blocks) {
      const key = latin1(block.digest);
      if (!fresh.has(key) && !this.#index.has(block.digest)) fresh.set(key, block);
    }
    return [...fresh.values()];
  }

  #insert(fresh: readonly AppendedBlock[], at: AppendedAt | undefined): void {
    if (!at) return;
    this.#index.grew(at.segment, at.segmentBytes);
    let offset = at.offset;
    for (const block of fresh) {
      this.#index.insert(block, { segment: at.segment, offset });
      offset += block.physicalBytes;
    }
  }
}
