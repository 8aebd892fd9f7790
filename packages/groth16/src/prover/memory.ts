import { ELEMENT_BYTES } from '../format/elements.ts';
import type { ProvingKey } from '../format/types.ts';
import { PartReader, partMemoryBytes } from './part-reader.ts';

/** Domains to this size (10 samples) are transformed all three at once: their steps are too short to keep threads busy one by one. */
const SIDE_BY_SIDE_BITS_MAX = 18;

/** Values of A, B and C. */
const VECTORS = 3;

/** What a thread holds for its kernel, in the largest job. */
const THREAD_BYTES = 64 * 1024 * 1024;

const scratchesFor = (domainBits: number) => (domainBits <= SIDE_BY_SIDE_BITS_MAX ? VECTORS : 1);

/** What a proof works in, shared with threads; used again by the next one. */
export class ProvingMemory {
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly c: Uint8Array;
  /** As many transforms run side by side. */
  readonly scratches: readonly Uint8Array[];
  readonly parts: PartReader;

  constructor(key: ProvingKey, partBytes: number) {
    const vector = () => new Uint8Array(new SharedArrayBuffer(2 ** key.domainBits * ELEMENT_BYTES));
    this.a = vector();
    this.b = vector();
    this.c = vector();
    this.scratches = Array.from({ length: scratchesFor(key.domainBits) }, vector);
    this.parts = new PartReader(key, partBytes);
  }
}

/**
 * Bytes that a proof takes beside the key's own (`memoryBytes` when it was opened): the witness, vectors, parts of the key that are read
 * ahead, and what each thread calculates in.
 */
export function provingMemoryBytes(key: Pick<ProvingKey, 'wires' | 'domainBits'>, threads = 1): number {
  const vectors = (VECTORS + scratchesFor(key.domainBits)) * 2 ** key.domainBits;
  return (key.wires + vectors) * ELEMENT_BYTES + partMemoryBytes(threads) + threads * THREAD_BYTES;
}
