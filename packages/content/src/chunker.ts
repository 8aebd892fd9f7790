/**
 * Cuts a byte stream into blocks inside pooled memory: bytes of any length go in, whole blocks of `blockSize` stand one
 * after another in `target`. The last one is padded with zeros (01 §4), because slabs come with old contents.
 */
export class Chunker {
  readonly blockSize: number;
  readonly target: Uint8Array;
  readonly #capacity: number;
  #used = 0;

  /** `target` holds at least one block; what does not fit a whole block stays unused. */
  constructor(target: Uint8Array, blockSize: number) {
    this.blockSize = blockSize;
    this.target = target;
    this.#capacity = Math.floor(target.length / blockSize) * blockSize;
    if (this.#capacity === 0) throw new RangeError(`${target.length} bytes do not hold a block of ${blockSize}`);
  }

  /** Bytes written. */
  get used(): number {
    return this.#used;
  }

  /** Complete blocks at the start of `target`. */
  get fullBlocks(): number {
    return Math.floor(this.#used / this.blockSize);
  }

  get isFull(): boolean {
    return this.#used === this.#capacity;
  }

  /** Copies as much of `bytes` as there is room for and returns how much that was. */
  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#capacity - this.#used);
    this.target.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), this.#used);
    this.#used += taken;
    return taken;
  }

  /** Fills up the last block with zeros and returns how many that were. */
  pad(): number {
    const rest = this.#used % this.blockSize;
    if (rest === 0) return 0;
    const padding = this.blockSize - rest;
    this.target.fill(0, this.#used, this.#used + padding);
    this.#used += padding;
    return padding;
  }

  /** Starts a new target with the unfinished block of this one, so that the complete ones can be handed on. */
  continueIn(target: Uint8Array): Chunker {
    const next = new Chunker(target, this.blockSize);
    next.write(this.target.subarray(this.fullBlocks * this.blockSize, this.#used));
    this.#used = this.fullBlocks * this.blockSize;
    return next;
  }
}
