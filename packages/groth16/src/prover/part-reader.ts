import { G1_BYTES, G1_JOB_POINTS_MAX, G2_BYTES, G2_JOB_POINTS_MAX } from '@codex/bn254';
import { type AbortOptions, Semaphore } from '@codex/runtime';
import type { KeySection, ProvingKey } from '../format/types.ts';

/** Of a section's points, for each thread, summed at a time: a full job of bn254's, 16 MiB. */
const THREAD_PART_BYTES = Math.max(G1_JOB_POINTS_MAX * G1_BYTES, G2_JOB_POINTS_MAX * G2_BYTES);

/** More threads share parts of this size, so that what is read ahead stays small. */
const PART_BYTES_MAX = 64 * 1024 * 1024;

/** Two are summed, so that threads need not wait at the end of one; meanwhile one more is read. */
const PARTS_AT_ONCE = 3;

export const partBytesFor = (threads: number) => Math.min(PART_BYTES_MAX, THREAD_PART_BYTES * Math.max(1, threads));

/** What parts of keys take that are not in memory. */
export const partMemoryBytes = (threads: number) => PARTS_AT_ONCE * partBytesFor(threads);

/** Hands out parts of a key's sections, a few at a time. Those that have to be read lie in memory that is used again. */
export class PartReader {
  readonly partBytes: number;
  readonly #key: ProvingKey;
  readonly #turns = new Semaphore(PARTS_AT_ONCE);
  readonly #free: Uint8Array[] = [];

  constructor(key: ProvingKey, partBytes: number) {
    this.#key = key;
    this.partBytes = Math.max(G2_BYTES, partBytes);
  }

  /** Runs `work` on so many points, which together have `partBytes` at most; they are its own until it settles. */
  async use<T>(
    part: { readonly section: KeySection; readonly start: number; readonly count: number },
    work: (points: Uint8Array) => Promise<T>,
    options: AbortOptions,
  ): Promise<T> {
    const { section, start, count } = part;
    return await this.#turns.run(async () => {
      let lent: Uint8Array | undefined;
      const allocate = (bytes: number) => {
        lent = this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(this.partBytes));
        return lent.subarray(0, bytes);
      };
      try {
        return await work(await this.#key.points(section, start, count, { ...options, allocate }));
      } finally {
        if (lent) this.#free.push(lent);
      }
    }, options);
  }
}
