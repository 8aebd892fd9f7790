/** The only source of chance: a simulator replaces it with a seeded one. */
export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
  /** A whole number in 0 … `limit` − 1; `limit` is 1 … 2^32, anything else a `RangeError`. */
  int(limit: number): number;
  /** A number in [0, 1). */
  float(): number;
}

const WORD_RANGE = 2 ** 32;

function fromWords(nextWord: () => number): Omit<Random, 'bytes'> {
  return {
    int(limit) {
      // Without this check a limit of 0 would search forever.
      if (!Number.isInteger(limit) || limit < 1 || limit > WORD_RANGE) throw new RangeError(`No number below ${limit}`);
      // Rejection keeps the result unbiased for limits that do not divide 2^32.
      const usable = WORD_RANGE - (WORD_RANGE % limit);
      for (;;) {
        const word = nextWord();
        if (word < usable) return word % limit;
      }
    },
    float: () => nextWord() / WORD_RANGE,
  };
}

/** What the system gives at once. */
const BYTES_AT_ONCE_MAX = 65_536;

/** Web Crypto, which browsers have too. */
export const systemRandom: Random = {
  bytes(length) {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += BYTES_AT_ONCE_MAX) {
      crypto.getRandomValues(bytes.subarray(at, at + BYTES_AT_ONCE_MAX));
    }
    return bytes;
  },
  ...fromWords(() => crypto.getRandomValues(new Uint32Array(1))[0]!),
};

/** A reproducible source (xoshiro128**, seeded through splitmix32). Not for keys. */
export function seededRandom(seed: number): Random {
  let mixed = seed >>> 0;
  const split = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [split(), split(), split(), split()];
  const rotl = (x: number, k: number) => ((x << k) | (x >>> (32 - k))) >>> 0;
  const nextWord = () => {
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotl(d, 11);
    return result;
  };
  return {
    bytes(length) {
      const out = new Uint8Array(length);
      for (let i = 0; i < length; i++) out[i] = nextWord() & 0xff;
      return out;
    },
    ...fromWords(nextWord),
  };
}
