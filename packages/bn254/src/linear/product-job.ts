import { defineJob } from '@codex/compute';
import { PAIR_BYTES, writePair } from '../kernel/constants.ts';
import { Kernel } from '../kernel/kernel.ts';
import { ELEMENT_BYTES, MONTGOMERY_SQUARE } from './elements.ts';

/** Elements that the kernel takes at a time: 512 KiB. */
const CHUNK_ELEMENTS = 1 << 12;

/** Vectors of as many elements of 32 bytes. */
export interface ProductPart {
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly c?: Uint8Array | undefined;
  readonly target: Uint8Array;
}

export const multiplySubtractPart = defineJob(import.meta.url, 'multiplySubtractPart', (part: ProductPart): void => {
  const { a, b, c, target } = part;
  const kernel = Kernel.ofThread();
  const chunk = CHUNK_ELEMENTS * ELEMENT_BYTES;
  const factor = kernel.room(PAIR_BYTES + 4 * chunk);
  const [atA, atB, atC, to] = [0, 1, 2, 3].map((i) => factor + PAIR_BYTES + i * chunk) as [
    number,
    number,
    number,
    number,
  ];
  const { bytes, view, exports } = kernel;
  writePair(view, factor, MONTGOMERY_SQUARE);
  for (let first = 0; first < target.byteLength; first += chunk) {
    const end = Math.min(target.byteLength, first + chunk);
    bytes.set(a.subarray(first, end), atA);
    bytes.set(b.subarray(first, end), atB);
    if (c) bytes.set(c.subarray(first, end), atC);
    exports.multiplySubtract(to, atA, atB, c ? atC : 0, (end - first) / ELEMENT_BYTES, factor);
    target.set(bytes.subarray(to, to + end - first), first);
  }
});
