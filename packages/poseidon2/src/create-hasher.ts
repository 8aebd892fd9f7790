import type { Poseidon2 } from './hasher.ts';
import { Kernel } from './kernel.ts';
import { ReferenceHasher } from './reference-hasher.ts';

/** The best that there is for the calling thread: a kernel, or the twin where no kernel runs. */
export function createHasher(): Poseidon2 {
  return Kernel.ofThread() ?? new ReferenceHasher();
}
