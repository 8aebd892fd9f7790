import { G1_BYTES, type G1Point, G2_BYTES, type G2Point, isInG1, isInG2, readG1, readG2 } from '@codex/bn254';
import { ELEMENT_BYTES, isCoordinate } from './elements.ts';

/** Reads points as keys hold them, one after the other; undefined where there is none in the group. For jobs: G2 takes a millisecond. */
export class PointReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  g1(): { readonly point: G1Point } | undefined {
    const bytes = this.#take(G1_BYTES);
    const point = bytes && readG1(bytes);
    return bytes && isInG1(point) ? { point } : undefined;
  }

  g2(): { readonly point: G2Point } | undefined {
    const bytes = this.#take(G2_BYTES);
    const point = bytes && readG2(bytes);
    return bytes && isInG2(point) ? { point } : undefined;
  }

  /** Undefined if a coordinate is not below p: it would be read as another one. */
  #take(count: number): Uint8Array | undefined {
    const bytes = this.#bytes.slice(this.#at, this.#at + count);
    this.#at += count;
    const words = new Uint32Array(bytes.buffer);
    for (let at = 0; at < count; at += ELEMENT_BYTES) if (!isCoordinate(words, at / 4)) return undefined;
    return bytes;
  }
}
