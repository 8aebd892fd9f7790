import type { LeafRange } from '@codex/content';

/** Leaves that are skipped at once where all are alike: their bits are one page. */
const PAGE_BYTES = 4096;
const PAGE_LEAVES = 8 * PAGE_BYTES;
const ALIKE = { none: new Uint8Array(PAGE_BYTES), all: new Uint8Array(PAGE_BYTES).fill(0xff) };

/** One bit per leaf: which blocks are held. 1 TiB of default blocks takes 2 MiB. */
export class LeafBitmap {
  readonly leafCount: number;
  readonly #bits: Uint8Array;
  #count = 0;

  constructor(leafCount: number) {
    this.leafCount = leafCount;
    this.#bits = new Uint8Array(Math.ceil(leafCount / 8));
  }

  /** Bits that are set. */
  get count(): number {
    return this.#count;
  }

  has(index: number): boolean {
    return ((this.#bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /** Returns true when the bit was not set before. */
  set(index: number): boolean {
    if (this.has(index)) return false;
    this.#bits[index >> 3]! |= 1 << (index & 7);
    this.#count++;
    return true;
  }

  /** Returns true when the bit was set before. */
  clear(index: number): boolean {
    if (!this.has(index)) return false;
    this.#bits[index >> 3]! &= ~(1 << (index & 7));
    this.#count--;
    return true;
  }

  setAll(): void {
    this.#bits.fill(0xff, 0, this.leafCount >>> 3);
    for (let i = this.leafCount & ~7; i < this.leafCount; i++) this.#bits[i >> 3]! |= 1 << (i & 7);
    this.#count = this.leafCount;
  }

  clearAll(): void {
    this.#bits.fill(0);
    this.#count = 0;
  }

  /** Replaces the bytes from `offset` (in bytes) on: for loading pages. */
  load(offset: number, bytes: Uint8Array): void {
    this.#bits.set(bytes, offset);
    for (let byte of bytes) for (; byte !== 0; byte &= byte - 1) this.#count++;
  }

  /** A copy of `length` bytes at `offset`, cut at the end. */
  slice(offset: number, length: number): Uint8Array {
    return this.#bits.slice(offset, offset + length);
  }

  /** Maximal runs of bits that equal `value`, in order. The bitmap may change while they are taken. */
  *runs(value: boolean, within: LeafRange = { start: 0, count: this.leafCount }): Generator<LeafRange> {
    const end = Math.min(this.leafCount, within.start + within.count);
    for (let at = this.#find(value, Math.max(0, within.start), end); at < end; ) {
      const next = this.#find(!value, at, end);
      yield { start: at, count: next - at };
      at = this.#find(value, next, end);
    }
  }

  /** The first index in `from` … `end` − 1 whose bit equals `value`, or `end`. Skips whole pages and bytes. */
  #find(value: boolean, from: number, end: number): number {
    const skip = value ? 0x00 : 0xff;
    const page = value ? ALIKE.none : ALIKE.all;
    let at = from;
    while (at < end) {
      if (at % PAGE_LEAVES === 0 && end - at >= PAGE_LEAVES && this.#isPage(at >>> 3, page)) at += PAGE_LEAVES;
      else if ((at & 7) === 0 && this.#bits[at >> 3] === skip) at += 8;
      else if (this.has(at) === value) return at;
      else at++;
    }
    return end;
  }

  #isPage(offset: number, page: Uint8Array): boolean {
    return Buffer.compare(this.#bits.subarray(offset, offset + PAGE_BYTES), page) === 0;
  }
}
