import { type Compute, defineJob } from '@codex/compute';
import { ELEMENT_BYTES, writeElement } from '../format/elements.ts';
import { sharedBytes } from './shared-arrays.ts';

/** Overwrites memory with zeros, which takes long for large arrays. */
export const zeros = defineJob(import.meta.url, 'zeros', (memory: readonly Uint8Array[]): void => {
  for (const bytes of memory) bytes.fill(0);
});

/** Shared memory for what nobody may keep. */
export class SecretMemory {
  readonly #compute: Compute;
  readonly #taken: Uint8Array[] = [];

  constructor(compute: Compute) {
    this.#compute = compute;
  }

  take(bytes: number): Uint8Array {
    const memory = sharedBytes(bytes);
    this.#taken.push(memory);
    return memory;
  }

  /** Elements as the kernels take them. */
  scalars(values: readonly bigint[]): Uint8Array {
    const memory = this.take(values.length * ELEMENT_BYTES);
    values.forEach((value, i) => {
      writeElement(memory, i * ELEMENT_BYTES, value);
    });
    return memory;
  }

  /** Overwrites all that was taken; no job may be at work on it. */
  async wipe(): Promise<void> {
    await this.#compute.run(zeros, this.#taken.splice(0));
  }
}
