import { ELEMENT_BYTES, ELEMENT_WORDS, isScalar } from './elements.ts';

/** Collects distinct elements of the scalar field: a hash table of words, as a circuit has millions of entries. */
export class CoefficientTable {
  #words = new Uint32Array(64 * ELEMENT_WORDS);
  /** An element's index plus one, or 0. A power of two, at most half full. */
  #slots = new Uint32Array(128);
  #count = 0;

  /** The index of the element there, which is added if it is new; -1 if it is not below r. */
  indexOf(words: Uint32Array, at: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(words, at) & mask;
    for (;;) {
      const found = this.#slots[slot] ?? 0;
      if (found === 0) break;
      if (this.#equals((found - 1) * ELEMENT_WORDS, words, at)) return found - 1;
      slot = (slot + 1) & mask;
    }
    if (!isScalar(words, at)) return -1;
    const index = this.#count++;
    this.#slots[slot] = index + 1;
    if (this.#words.length < this.#count * ELEMENT_WORDS) {
      const more = new Uint32Array(2 * this.#words.length);
      more.set(this.#words);
      this.#words = more;
    }
    for (let i = 0; i < ELEMENT_WORDS; i++) this.#words[index * ELEMENT_WORDS + i] = words[at + i] ?? 0;
    if (2 * this.#count > this.#slots.length) this.#grow();
    return index;
  }

  /** All elements, 32 bytes each, in shared memory. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(new SharedArrayBuffer(this.#count * ELEMENT_BYTES));
    bytes.set(new Uint8Array(this.#words.buffer, 0, bytes.byteLength));
    return bytes;
  }

  #equals(index: number, words: Uint32Array, at: number): boolean {
    for (let i = 0; i < ELEMENT_WORDS; i++) if (this.#words[index + i] !== words[at + i]) return false;
    return true;
  }

  #grow(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let index = 0; index < this.#count; index++) {
      let slot = hash(this.#words, index * ELEMENT_WORDS) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
    this.#slots = slots;
  }
}

function hash(words: Uint32Array, at: number): number {
  let value = 0;
  for (let i = 0; i < ELEMENT_WORDS; i++) value = Math.imul(value ^ (words[at + i] ?? 0), 0x9e3779b1) ^ (value >>> 15);
  return value ^ (value >>> 16);
}
