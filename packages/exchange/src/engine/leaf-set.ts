import type { LeafRange } from '@codex/content';

/** Leaves of one 32-bit word. Requests never cross a word, so that their leaves are one integer. */
export const WORD_LEAVES = 32;

/** A set of leaf indices 0 … size−1, one bit each; a full set takes no memory. */
export class LeafSet {
  readonly size: number;
  #words: Uint32Array | undefined;
  #full = false;

  constructor(size: number) {
    this.size = size;
  }

  static full(size: number): LeafSet {
    const set = new LeafSet(size);
    set.#full = true;
    return set;
  }

  /** True when every leaf was added at once; a set that was filled piece by piece may say false. */
  get isFull(): boolean {
    return this.#full;
  }

  /** Bytes that the bits take. */
  get byteLength(): number {
    return this.#words?.byteLength ?? 0;
  }

  fill(): void {
    this.#full = true;
    this.#words = undefined;
  }

  has(index: number): boolean {
    return this.#full || ((this.word(index >>> 5) >>> (index & 31)) & 1) === 1;
  }

  /** The bits of the leaves 32 × `word` … 32 × `word` + 31, lowest first, as an unsigned integer. */
  word(word: number): number {
    if (this.#full) return lastWordMask(this.size, word);
    return this.#words?.[word] ?? 0;
  }

  setWord(word: number, bits: number): void {
    const words = this.#own();
    words[word] = bits >>> 0;
  }

  add({ start, count }: LeafRange): void {
    if (this.#full) return;
    const words = this.#own();
    // Whole words at once: a dataset of terabytes has millions of them.
    const firstWhole = (start + WORD_LEAVES - 1) >>> 5;
    const endWhole = (start + count) >>> 5;
    const mark = (word: number, mask: number) => {
      words[word] = (words[word]! | mask) >>> 0;
    };
    if (firstWhole >= endWhole) {
      eachWord(start, count, mark);
      return;
    }
    words.fill(0xffff_ffff, firstWhole, endWhole);
    eachWord(start, firstWhole * WORD_LEAVES - start, mark);
    eachWord(endWhole * WORD_LEAVES, start + count - endWhole * WORD_LEAVES, mark);
  }

  delete({ start, count }: LeafRange): void {
    const words = this.#own();
    eachWord(start, count, (word, mask) => {
      words[word] = (words[word]! & ~mask) >>> 0;
    });
  }

  /** How many leaves of the range are in the set. */
  countIn({ start, count }: LeafRange): number {
    if (!this.#words) return this.#full ? count : 0;
    let total = 0;
    eachWord(start, count, (word, mask) => {
      total += popCount(this.word(word) & mask);
    });
    return total;
  }

  /** The first member in `from` … `end`−1, or −1. */
  next(from: number, end: number): number {
    for (let word = from >>> 5; word * WORD_LEAVES < end; word++) {
      let bits = this.word(word);
      if (word === from >>> 5) bits &= -1 << (from & 31);
      if (bits === 0) continue;
      const index = word * WORD_LEAVES + lowestBit(bits);
      return index < end ? index : -1;
    }
    return -1;
  }

  #own(): Uint32Array {
    if (!this.#words) {
      this.#words = new Uint32Array((this.size + 31) >>> 5);
      if (this.#full) for (let i = 0; i < this.#words.length; i++) this.#words[i] = lastWordMask(this.size, i);
      this.#full = false;
    }
    return this.#words;
  }
}

function lastWordMask(size: number, word: number): number {
  const left = size - word * WORD_LEAVES;
  return left >= WORD_LEAVES ? 0xffff_ffff : left <= 0 ? 0 : (1 << left) - 1;
}

/** Calls `visit` with each word that the range touches and the bits of the range in it. */
export function eachWord(start: number, count: number, visit: (word: number, mask: number) => void): void {
  const end = start + count;
  for (let at = start; at < end; ) {
    const word = at >>> 5;
    const stop = Math.min(end, (word + 1) * WORD_LEAVES);
    visit(word, runMask(at & 31, stop - at));
    at = stop;
  }
}

/** `count` bits from bit `first` on, as an unsigned integer. */
export function runMask(first: number, count: number): number {
  return count >= WORD_LEAVES ? 0xffff_ffff : (((1 << count) - 1) << first) >>> 0;
}

export function popCount(bits: number): number {
  let v = bits - ((bits >>> 1) & 0x5555_5555);
  v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** The index of the lowest bit of a word that is not 0. */
export function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** The run of ones that begins at the lowest bit. */
export function lowestRun(bits: number): { first: number; count: number } {
  const first = lowestBit(bits);
  const rest = ~(bits >>> first);
  return { first, count: rest === 0 ? WORD_LEAVES : Math.min(WORD_LEAVES - first, lowestBit(rest)) };
}

/** The run of leaves that begins with the lowest bit of a word. */
export function lowestRunOf(word: number, bits: number): LeafRange {
  const { first, count } = lowestRun(bits);
  return { start: word * WORD_LEAVES + first, count };
}
