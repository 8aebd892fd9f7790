import type { DecodeInput, ErasureCodec, RebuildInput } from './codec.ts';
import { type Field, fieldOf, multiplyExp, skewOf } from './field.ts';
import { CHUNK_BYTES, type CodeLayout, type CodeParameters, checkParameters } from './params.ts';
import { checkDecode, checkEncode, checkRebuild } from './shards.ts';

/** One row of a code word: the symbols of a shard. */
type Row = Uint16Array;

/**
 * The code in plain TypeScript, as 02 §5 writes it: no truncation, no fusing, no kernels. Slow; the kernels are held
 * against it. Memory: the points of the code times the shard, twice over for the smaller field.
 */
export class ReferenceCodec implements ErasureCodec {
  readonly data: number;
  readonly parity: number;
  readonly #layout: CodeLayout;
  readonly #field: Field;

  /** Error: `ERASURE_PARAMETERS_INVALID`. */
  constructor(parameters: CodeParameters) {
    this.#layout = checkParameters(parameters);
    this.data = parameters.data;
    this.parity = parameters.parity;
    this.#field = fieldOf(this.#layout.bits);
  }

  encode(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void {
    const { shardBytes } = checkEncode(this, data, parity);
    if (this.parity === 1) {
      addUp(data, parity[0]!);
      return;
    }
    const m = this.#layout.parityPoints;
    const sum = this.#zeroRows(m, shardBytes);
    for (let begin = 0; begin < this.data; begin += m) {
      const chunk = this.#zeroRows(m, shardBytes);
      data.slice(begin, begin + m).forEach((shard, i) => {
        chunk[i] = this.#symbols(shard);
      });
      this.#inverse(chunk, m + begin);
      sum.forEach((row, i) => {
        add(row, chunk[i]!);
      });
    }
    this.#forward(sum, 0);
    parity.forEach((shard, i) => {
      this.#write(sum[i]!, shard);
    });
  }

  decode(input: DecodeInput): void {
    const { shardBytes, lost } = checkDecode(this, input);
    if (lost.length === 0) return;
    if (this.parity === 1) {
      const rest = [...input.data, ...input.parity].filter((shard) => shard !== undefined);
      addUp(rest, input.restored.get(lost[0]!)!);
      return;
    }
    const { parityPoints: m, points } = this.#layout;
    const { modulus } = this.#field;
    const erased = (i: number) => (i < m ? !input.parity[i] : i < m + this.data && !input.data[i - m]);
    const locator = locatorOf(this.#field, erased);
    const word = this.#zeroRows(points, shardBytes);
    [...input.parity, ...new Array<undefined>(m - this.parity), ...input.data].forEach((shard, i) => {
      if (shard) word[i] = this.#scaled(this.#symbols(shard), locator[i]!);
    });
    this.#inverse(word, 0);
    for (let i = 1; i < points; i++) {
      const width = i & -i;
      for (let j = 0; j < width; j++) add(word[i - width + j]!, word[i + j]!);
    }
    this.#forward(word, 0);
    for (const [i, shard] of input.restored) {
      this.#write(this.#scaled(word[m + i]!, modulus - locator[m + i]!), shard);
    }
  }

  rebuild(input: RebuildInput): void {
    const { rows, shardBytes } = checkRebuild(this, input);
    const there = new Set(rows);
    const shards = input.rows.map((shard, row) => (there.has(row) ? shard : undefined));
    const empty = () => new Uint8Array(shardBytes);
    const data = shards.slice(0, this.data);
    const restored = new Map(data.flatMap((shard, i) => (shard ? [] : [[i, empty()] as const])));
    this.decode({ data, parity: shards.slice(this.data), restored });
    const whole = data.map((shard, i) => shard ?? restored.get(i)!);
    const parity = Array.from({ length: this.parity }, empty);
    this.encode(whole, parity);
    for (const [row, shard] of input.wanted) shard.set([...whole, ...parity][row]!);
  }

  /** From values at the points `base` … to coefficients. */
  #inverse(rows: Row[], base: number): void {
    for (let half = 1; half < rows.length; half *= 2) {
      for (let group = 0; group < rows.length; group += 2 * half) {
        const skew = skewOf(base + group, half);
        for (let i = group; i < group + half; i++) {
          add(rows[i + half]!, rows[i]!);
          this.#addMultiple(rows[i]!, rows[i + half]!, skew);
        }
      }
    }
  }

  /** From coefficients to values at the points `base` …. */
  #forward(rows: Row[], base: number): void {
    for (let half = rows.length / 2; half >= 1; half /= 2) {
      for (let group = 0; group < rows.length; group += 2 * half) {
        const skew = skewOf(base + group, half);
        for (let i = group; i < group + half; i++) {
          this.#addMultiple(rows[i]!, rows[i + half]!, skew);
          add(rows[i + half]!, rows[i]!);
        }
      }
    }
  }

  /** target += factor · source */
  #addMultiple(target: Row, source: Row, factor: number): void {
    if (factor === 0) return;
    const log = this.#field.log[factor]!;
    for (let i = 0; i < target.length; i++) target[i]! ^= multiplyExp(this.#field, source[i]!, log);
  }

  #scaled(row: Row, log: number): Row {
    return row.map((symbol) => multiplyExp(this.#field, symbol, log));
  }

  #zeroRows(count: number, shardBytes: number): Row[] {
    return Array.from({ length: count }, () => new Uint16Array((shardBytes * 8) / this.#layout.bits));
  }

  /** Symbols of 8 bits are bytes; of 16 bits, each chunk has 32 low halves and then 32 high halves (02 §4). */
  #symbols(shard: Uint8Array): Row {
    if (this.#layout.bits === 8) return Uint16Array.from(shard);
    return Uint16Array.from({ length: shard.length / 2 }, (_, i) => {
      const at = lowHalfAt(i);
      return shard[at]! | (shard[at + CHUNK_BYTES / 2]! << 8);
    });
  }

  #write(row: Row, shard: Uint8Array): void {
    if (this.#layout.bits === 8) shard.set(row);
    else
      row.forEach((symbol, i) => {
        const at = lowHalfAt(i);
        shard[at] = symbol & 0xff;
        shard[at + CHUNK_BYTES / 2] = symbol >> 8;
      });
  }
}

const lowHalfAt = (symbol: number) => (symbol >> 5) * CHUNK_BYTES + (symbol & 31);

function add(target: Row, source: Row): void {
  for (let i = 0; i < target.length; i++) target[i]! ^= source[i]!;
}

/** With one parity shard it is the sum of the data, and a lost shard the sum of the rest; so is a copy (02 §3). */
function addUp(shards: readonly Uint8Array[], target: Uint8Array): void {
  target.fill(0);
  for (const shard of shards) for (let i = 0; i < target.length; i++) target[i]! ^= shard[i]!;
}

/** The error locator's logarithms by transforms of the length of the field (02 §5). */
function locatorOf({ order, modulus, log }: Field, erased: (point: number) => boolean): Float64Array {
  const logs = Float64Array.from(log);
  logs[0] = 0;
  const locator = Float64Array.from({ length: order }, (_, point) => (erased(point) ? 1 : 0));
  walshHadamard(logs, modulus);
  walshHadamard(locator, modulus);
  for (let i = 0; i < order; i++) locator[i] = (locator[i]! * logs[i]!) % modulus;
  walshHadamard(locator, modulus);
  return locator;
}

function walshHadamard(values: Float64Array, modulus: number): void {
  for (let half = 1; half < values.length; half *= 2) {
    for (let group = 0; group < values.length; group += 2 * half) {
      for (let i = group; i < group + half; i++) {
        const a = values[i]!;
        const b = values[i + half]!;
        values[i] = (a + b) % modulus;
        values[i + half] = (a - b + modulus) % modulus;
      }
    }
  }
}
