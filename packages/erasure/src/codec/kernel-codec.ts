import type { DecodeInput, ErasureCodec, RebuildInput } from './codec.ts';
import { type Field, fieldOf } from './field.ts';
import type { FieldKernel, Kernel } from './kernel.ts';
import { locate } from './locator.ts';
import { CHUNK_BYTES, type CodeLayout, type CodeParameters, checkParameters } from './params.ts';
import { checkDecode, checkEncode, checkRebuild, type Losses } from './shards.ts';

/** Room for the rows of one strip: they should stay in the second cache. */
const ROOM_BYTES = 512 * 1024;
/** Room that the rows of the largest codes may take. */
const ROOM_BYTES_MAX = 16 * 1024 * 1024;
/** Longer strips gain nothing. */
const STRIP_BYTES_MAX = 8192;
/** Shorter strips cost more in copying calls than the cache gives; only a lack of room makes them shorter. */
const STRIP_BYTES_WORTHWHILE = 1024;
/** Between rows, so that rows a power of two apart do not fall on the same lines of a cache. */
const ROW_GAP_BYTES = 64;

/** Products that are added up in the time of a transform's butterfly on its way there and back (measured). */
const PRODUCTS_PER_BUTTERFLY = { 8: 1.5, 16: 0.7 } as const;
/** Factors whose tables are held at once: 8 MiB in the larger field. */
const PRODUCTS_MAX = 65_536;

/** A shard and its place in the code word. */
interface Placed {
  readonly shard: Uint8Array;
  readonly point: number;
}

interface Strips {
  readonly stripBytes: number;
  readonly stride: number;
}

function stripsOf(rows: number, shardBytes: number): Strips {
  const share = (room: number) => Math.floor(room / rows / CHUNK_BYTES) * CHUNK_BYTES;
  const fast = Math.min(STRIP_BYTES_MAX, share(ROOM_BYTES));
  const stripBytes = Math.min(shardBytes, Math.max(fast, Math.min(STRIP_BYTES_WORTHWHILE, share(ROOM_BYTES_MAX))));
  return { stripBytes, stride: stripBytes + ROW_GAP_BYTES };
}

/** The code on a WebAssembly kernel: shards are copied in and out strip by strip. */
export class KernelCodec implements ErasureCodec {
  readonly data: number;
  readonly parity: number;
  readonly #kernel: Kernel;
  readonly #layout: CodeLayout;
  readonly #field: Field;
  /** The columns of a dataset mostly have the same losses. */
  #last:
    | { readonly lost: readonly number[]; readonly used: readonly number[]; readonly locator: Int32Array }
    | undefined;

  /** Error: `ERASURE_PARAMETERS_INVALID`. */
  constructor(parameters: CodeParameters, kernel: Kernel) {
    this.#layout = checkParameters(parameters);
    this.data = parameters.data;
    this.parity = parameters.parity;
    this.#kernel = kernel;
    this.#field = fieldOf(this.#layout.bits);
  }

  encode(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void {
    const { shardBytes } = checkEncode(this, data, parity);
    if (this.parity === 1) this.#addUp(data, parity[0]!, shardBytes);
    else this.#encode(data, parity, shardBytes);
  }

  decode(input: DecodeInput): void {
    const losses = checkDecode(this, input);
    if (losses.lost.length === 0) return;
    if (this.parity === 1) {
      const rest = [...input.data, ...input.parity].filter((shard) => shard !== undefined);
      this.#addUp(rest, input.restored.get(losses.lost[0]!)!, losses.shardBytes);
    } else if (this.#combining(losses.lost.length)) {
      const { lost, used, shardBytes } = losses;
      const sources: Placed[] = used.map((j) => ({ shard: input.parity[j]!, point: j }));
      input.data.forEach((shard, i) => {
        if (shard) sources.push({ shard, point: this.#pointOf(i) });
      });
      const wanted = lost.map((i) => ({ shard: input.restored.get(i)!, point: this.#pointOf(i) }));
      this.#combine(sources, wanted, shardBytes, this.#locator(lost, used));
    } else this.#transform(input, losses);
  }

  rebuild(input: RebuildInput): void {
    const { rows, shardBytes, lost, used } = checkRebuild(this, input);
    const placed = (row: number, shard: Uint8Array): Placed => ({ shard, point: this.#pointOf(row) });
    const sources = rows.map((row) => placed(row, input.rows[row]!));
    const wanted = [...input.wanted].map(([row, shard]) => placed(row, shard));
    if (this.parity === 1) {
      for (const { shard } of wanted) {
        this.#addUp(
          sources.map((source) => source.shard),
          shard,
          shardBytes,
        );
      }
      return;
    }
    const locator = this.#locator(lost, used);
    const perPass = Math.max(1, Math.floor(PRODUCTS_MAX / this.data));
    for (let from = 0; from < wanted.length; from += perPass) {
      this.#combine(sources, wanted.slice(from, from + perPass), shardBytes, locator);
    }
  }

  /** Where a row stands in the code word: parity first (02 §5). */
  #pointOf(row: number): number {
    return row < this.data ? this.#layout.parityPoints + row : row - this.data;
  }

  #encode(data: readonly Uint8Array[], parity: readonly Uint8Array[], shardBytes: number): void {
    const m = this.#layout.parityPoints;
    const field = this.#fieldKernel();
    const { stripBytes, stride } = stripsOf(2 * m, shardBytes);
    const sum = this.#kernel.room(2 * m * stride);
    const chunk = sum + m * stride;
    const { memory } = this.#kernel;
    for (let at = 0; at < shardBytes; at += stripBytes) {
      const end = Math.min(shardBytes, at + stripBytes);
      const bytes = end - at;
      for (let begin = 0; begin < this.data; begin += m) {
        const rows = begin === 0 ? sum : chunk;
        const count = Math.min(m, this.data - begin);
        for (let i = 0; i < count; i++) memory.set(data[begin + i]!.subarray(at, end), rows + i * stride);
        if (count < m) memory.fill(0, rows + count * stride, rows + m * stride);
        field.inverse(rows, stride, bytes, m, count, m + begin, begin === 0 ? 0 : sum);
      }
      field.forward(sum, stride, bytes, m, 0, this.parity);
      for (let i = 0; i < this.parity; i++) {
        const row = sum + i * stride;
        parity[i]!.set(memory.subarray(row, row + bytes), at);
      }
    }
  }

  /** Decodes by transforms (02 §5): the work grows with the points of the code, whatever is lost. */
  #transform({ data, parity, restored }: DecodeInput, { shardBytes, lost, used }: Losses): void {
    const { parityPoints: m, points } = this.#layout;
    const count = m + this.data;
    const field = this.#fieldKernel();
    const { tablesBytes } = field;
    const { stripBytes, stride } = stripsOf(points, shardBytes);
    const rows = this.#kernel.room(points * stride + count * tablesBytes);
    const tables = rows + points * stride;
    const { memory } = this.#kernel;
    const locator = this.#locator(lost, used);
    const { exp, modulus } = this.#field;
    const shards: (Uint8Array | undefined)[] = new Array(count);
    for (const j of used) shards[j] = parity[j];
    for (let i = 0; i < this.data; i++) shards[m + i] = data[i];
    for (let i = 0; i < count; i++) {
      const log = shards[i] ? locator[i]! : modulus - locator[i]!;
      if (shards[i] || restored.has(i - m)) field.tablesOf(tables + i * tablesBytes, exp[log]!);
    }
    for (let at = 0; at < shardBytes; at += stripBytes) {
      const end = Math.min(shardBytes, at + stripBytes);
      const bytes = end - at;
      for (let i = 0; i < count; i++) {
        const row = rows + i * stride;
        const shard = shards[i];
        if (shard) {
          memory.set(shard.subarray(at, end), row);
          field.scale(row, bytes, tables + i * tablesBytes);
        } else memory.fill(0, row, row + bytes);
      }
      memory.fill(0, rows + count * stride, rows + points * stride);
      field.restore(rows, stride, bytes, points, count, m + lost[0]!, m + lost.at(-1)! + 1);
      for (const [i, shard] of restored) {
        const row = rows + (m + i) * stride;
        field.scale(row, bytes, tables + (m + i) * tablesBytes);
        shard.set(memory.subarray(row, row + bytes), at);
      }
    }
  }

  /** Whether so few shards are lost that each is better added up from K others. */
  #combining(lost: number): boolean {
    const { points, bits } = this.#layout;
    const products = lost * this.data;
    return products <= PRODUCTS_MAX && products <= PRODUCTS_PER_BUTTERFLY[bits] * points * Math.log2(points);
  }

  /**
   * Restores by adding up: an erased row i, data or parity, is Σ factor · row j over K rows that are there, with
   * factor = Λ(j) / (Λ'(i) · (i ⊕ j)), where Λ vanishes at the erased points. (The word times Λ is known at every point;
   * its derivative at i is Λ'(i) times what was lost there, and that of the j-th Lagrange polynomial is 1/(i ⊕ j).)
   */
  #combine(sources: readonly Placed[], wanted: readonly Placed[], shardBytes: number, locator: Int32Array): void {
    const field = this.#fieldKernel();
    const { tablesBytes } = field;
    const count = sources.length;
    // Four at a time share the taking apart of symbols; one or two left over are cheaper alone.
    const inFours = this.#layout.bits === 8 ? 4 * Math.floor((wanted.length + 1) / 4) : 0;
    const results = Math.max(inFours, wanted.length);
    const { stripBytes, stride } = stripsOf(count + results, shardBytes);
    const rows = this.#kernel.room((count + results) * stride + count * results * tablesBytes);
    const out = rows + count * stride;
    const tables = out + results * stride;
    const { memory } = this.#kernel;
    const { exp, log, modulus } = this.#field;
    wanted.forEach(({ point: i }, r) => {
      sources.forEach(({ point: j }, c) => {
        const factor = exp[(locator[j]! + 2 * modulus - locator[i]! - log[i ^ j]!) % modulus]!;
        const place = r < inFours ? (r - (r & 3)) * count + 4 * c + (r & 3) : r * count + c;
        field.tablesOf(tables + place * tablesBytes, factor);
      });
    });
    for (let at = 0; at < shardBytes; at += stripBytes) {
      const end = Math.min(shardBytes, at + stripBytes);
      const bytes = end - at;
      sources.forEach(({ shard }, c) => {
        memory.set(shard.subarray(at, end), rows + c * stride);
      });
      for (let r = 0; r < results; r += r < inFours ? 4 : 1) {
        const to = out + r * stride;
        const factors = tables + r * count * tablesBytes;
        if (r < inFours) this.#kernel.rows.combine4(to, rows, stride, count, bytes, factors);
        else field.combine(to, rows, stride, count, bytes, factors);
      }
      wanted.forEach(({ shard }, r) => {
        const row = out + r * stride;
        shard.set(memory.subarray(row, row + bytes), at);
      });
    }
  }

  #locator(lost: readonly number[], used: readonly number[]): Int32Array {
    const { parityPoints: m, points } = this.#layout;
    const last = this.#last;
    if (last && sameItems(last.lost, lost) && sameItems(last.used, used)) return last.locator;
    const erased = new Int32Array(points);
    erased.fill(1, 0, m);
    for (const j of used) erased[j] = 0;
    for (const i of lost) erased[m + i] = 1;
    locate(this.#field, erased);
    this.#last = { lost, used, locator: erased };
    return erased;
  }

  #addUp(shards: readonly Uint8Array[], target: Uint8Array, shardBytes: number): void {
    const batch = Math.min(shards.length, 32);
    const { stripBytes, stride } = stripsOf(batch + 1, shardBytes);
    const sum = this.#kernel.room((batch + 1) * stride);
    const rows = sum + stride;
    const { memory } = this.#kernel;
    for (let at = 0; at < shardBytes; at += stripBytes) {
      const end = Math.min(shardBytes, at + stripBytes);
      memory.fill(0, sum, sum + end - at);
      for (let first = 0; first < shards.length; first += batch) {
        const count = Math.min(batch, shards.length - first);
        for (let i = 0; i < count; i++) memory.set(shards[first + i]!.subarray(at, end), rows + i * stride);
        this.#kernel.rows.addUp(sum, rows, stride, count, end - at);
      }
      target.set(memory.subarray(sum, sum + end - at), at);
    }
  }

  #fieldKernel(): FieldKernel {
    return this.#kernel.field(this.#layout.bits, this.#layout.points);
  }
}

const sameItems = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((x, i) => x === b[i]);
