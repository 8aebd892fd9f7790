import type { Emitter } from './emitter.ts';
import {
  FRIENDLY,
  HALF,
  HIGH_BIAS,
  HIGH_MAGIC,
  LIMB_BITS,
  LIMB_MASK,
  LIMBS,
  LOW_BIAS,
  LOW_MAGIC,
  MINUS_INVERSE,
  MODULUS,
  P,
  SPLIT_MAGIC,
  UNIT_BITS,
} from './numbers.ts';

/** An integer in each 64-bit lane, of which `bias` must be taken away (mod 2^64). */
export interface Column {
  readonly value: string;
  readonly bias: bigint;
}

/** A double in each lane; without FMA it is multiplied in two halves. */
export interface Limb {
  readonly whole: string;
  readonly high?: string;
  readonly low?: string;
}

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);

/** Room below zero for columns that are shifted: they stay within ±2^63. */
const ROOM = 1n << 63n;
const CARRY_BIAS = ROOM >> LIMB_BITS;

/**
 * Biases of columns that `carry` takes as they are: each but the highest ends, with the carry from below, at 2^63 + 2^50
 * (so that masking rounds to the nearest), and the highest as the bits of a double.
 */
export const CARRY_READY: readonly bigint[] = Array.from({ length: LIMBS }, (_, i) =>
  wrap((i === LIMBS - 1 ? LOW_BIAS : ROOM + HALF) - (i === 0 ? 0n : CARRY_BIAS)),
);

/** What the functions of a kernel are written with. Those that take long yield, so that two can be woven together. */
export class Arithmetic {
  readonly e: Emitter;
  readonly #fused: boolean;

  constructor(emitter: Emitter, fused: boolean) {
    this.e = emitter;
    this.#fused = fused;
  }

  limb(whole: string): Limb {
    if (this.#fused) return { whole };
    const magic = this.e.double(SPLIT_MAGIC);
    const high = this.e.fsub(this.e.fadd(whole, magic), magic);
    return { whole, high, low: this.e.fsub(whole, high) };
  }

  limbs(whole: readonly string[]): Limb[] {
    return whole.map((value) => this.limb(value));
  }

  constant(limb: bigint): Limb {
    const { e } = this;
    const whole = e.double(Number(limb));
    if (this.#fused) return { whole };
    const high = Number(limb) + SPLIT_MAGIC - SPLIT_MAGIC;
    return { whole, high: e.double(high), low: e.double(Number(limb) - high) };
  }

  add(a: Column | undefined, b: Column): Column {
    return a ? { value: this.e.add(a.value, b.value), bias: wrap(a.bias + b.bias) } : b;
  }

  sub(a: Column, b: Column): Column {
    return { value: this.e.sub(a.value, b.value), bias: wrap(a.bias - b.bias) };
  }

  /** The same number with another bias. */
  rebias(a: Column, bias: bigint): Column {
    if (a.bias === wrap(bias)) return a;
    return { value: this.e.add(a.value, this.e.bits(wrap(bias - a.bias))), bias: wrap(bias) };
  }

  /**
   * The exact product, up to 2^102, in two parts: high·2^51 + low. Adding the magic number rounds the product to a
   * multiple of 2^51; what that left over is exact in a second step.
   */
  product(a: Limb, b: Limb): { high: Column; low: Column } {
    const { e } = this;
    let high: string;
    let low: string;
    if (this.#fused) {
      high = e.fma(a.whole, b.whole, e.double(HIGH_MAGIC));
      low = e.fma(a.whole, b.whole, e.fsub(e.double(HIGH_MAGIC + LOW_MAGIC), high));
    } else {
      // Dekker: what rounding took from a·b, from the products of the halves, which are exact.
      const rounded = e.fmul(a.whole, b.whole);
      let lost = e.fsub(e.fmul(a.high!, b.high!), rounded);
      lost = e.fadd(lost, e.fmul(a.high!, b.low!));
      lost = e.fadd(lost, e.fmul(a.low!, b.high!));
      lost = e.fadd(lost, e.fmul(a.low!, b.low!));
      high = e.fadd(rounded, e.double(HIGH_MAGIC));
      const rest = e.fsub(rounded, e.fsub(high, e.double(HIGH_MAGIC)));
      low = e.fadd(e.fadd(rest, lost), e.double(LOW_MAGIC));
    }
    return { high: { value: high, bias: HIGH_BIAS }, low: { value: low, bias: LOW_BIAS } };
  }

  #addProduct(columns: (Column | undefined)[], at: number, a: Limb, b: Limb): void {
    const { high, low } = this.product(a, b);
    columns[at] = this.add(columns[at], low);
    columns[at + 1] = this.add(columns[at + 1], high);
  }

  /** The low 51 bits of a column, rounded to the nearest, and the carry. */
  #take(column: Column): { low: string; carry: Column } {
    const { e } = this;
    const ready = this.rebias(column, ROOM + HALF);
    return {
      low: this.#toDouble(ready.value),
      carry: { value: e.shr(ready.value, LIMB_BITS), bias: CARRY_BIAS },
    };
  }

  /** The low 51 bits, of which 2^50 is taken away. */
  #toDouble(value: string): string {
    const { e } = this;
    return e.fsub(e.or(e.and(value, e.bits(LIMB_MASK)), e.bits(UNIT_BITS)), e.double(2 ** 52 + Number(HALF)));
  }

  /** a·b / R, column by column; the five columns of the result are not carried. */
  *multiply(a: readonly Limb[], b: readonly Limb[]): Generator<void, Column[]> {
    return yield* this.#reduce((column, columns) => {
      for (let i = 0; i < LIMBS; i++) {
        const j = column - i;
        if (j >= 0 && j < LIMBS) this.#addProduct(columns, column, a[i]!, b[j]!);
      }
    });
  }

  /** a² / R. */
  *square(a: readonly Limb[]): Generator<void, Column[]> {
    const twice = a.map(({ whole }) => this.limb(this.e.fadd(whole, whole)));
    return yield* this.#reduce((column, columns) => {
      for (let i = 0; 2 * i <= column; i++) {
        const j = column - i;
        if (j < LIMBS) this.#addProduct(columns, column, i === j ? a[i]! : twice[i]!, a[j]!);
      }
    });
  }

  /** a / R, for an integer in Montgomery form: back to the plain one. */
  *plain(a: readonly Limb[]): Generator<void, Column[]> {
    const one = this.constant(1n);
    return yield* this.#reduce((column, columns) => {
      if (column < LIMBS) this.#addProduct(columns, column, a[column]!, one);
    });
  }

  /** Montgomery reduction of what `fill` puts into the columns, each just before it is cleared. */
  *#reduce(fill: (column: number, columns: (Column | undefined)[]) => void): Generator<void, Column[]> {
    const { e } = this;
    const columns: (Column | undefined)[] = [];
    const factors: Limb[] = [];
    for (let k = 0; k < 2 * LIMBS - 1; k++) {
      fill(k, columns);
      for (let i = 0; i < LIMBS - 1; i++) {
        const j = k - i - 1;
        if (factors[i] && j >= 0 && j < LIMBS) this.#addProduct(columns, k, factors[i]!, this.constant(FRIENDLY[j]!));
      }
      if (k < LIMBS - 1) {
        const { low, carry } = this.#take(columns[k]!);
        factors.push(this.limb(low));
        columns[k + 1] = this.add(columns[k + 1], carry);
      } else if (k === LIMBS - 1) {
        // The last factor multiplies p itself: the friendly multiple would leave too large a result.
        const column = this.rebias(columns[k]!, ROOM + HALF);
        const low = this.limb(this.#toDouble(column.value));
        const factor = this.limb(this.#remainder(low, this.constant(MINUS_INVERSE)));
        factors.push(factor);
        this.#addProduct(columns, k, factor, this.constant(P[0]!));
        const cleared = this.rebias(columns[k]!, ROOM);
        columns[k + 1] = this.add(columns[k + 1], { value: e.shr(cleared.value, LIMB_BITS), bias: CARRY_BIAS });
      } else {
        this.#addProduct(columns, k, factors[LIMBS - 1]!, this.constant(P[k - LIMBS + 1]!));
      }
      yield;
    }
    return columns.slice(LIMBS) as Column[];
  }

  /** a·b mod 2^51, nearest to zero, as a double. */
  #remainder(a: Limb, b: Limb): string {
    const { low } = this.product(a, b);
    return this.e.fsub(low.value, this.e.double(LOW_MAGIC));
  }

  /** Carries: integers of 51 bits with bias 2^50, the highest as the bits of a double. */
  carry(columns: readonly Column[]): Column[] {
    const { e } = this;
    const out: Column[] = [];
    let carry: Column | undefined;
    for (const [i, column] of columns.entries()) {
      const ready = this.rebias(column, CARRY_READY[i]!);
      const sum = carry ? this.add(ready, carry) : ready;
      if (i === LIMBS - 1) return [...out, sum];
      out.push({ value: e.and(sum.value, e.bits(LIMB_MASK)), bias: HALF });
      carry = { value: e.shr(sum.value, LIMB_BITS), bias: CARRY_BIAS };
    }
    return out;
  }

  /** Doubles of carried columns. */
  doubles(carried: readonly Column[]): string[] {
    const { e } = this;
    return carried.map(({ value }, i) =>
      i === LIMBS - 1
        ? e.fsub(value, e.double(LOW_MAGIC))
        : e.fsub(e.or(value, e.bits(UNIT_BITS)), e.double(2 ** 52 + Number(HALF))),
    );
  }

  /** Carried columns of doubles. */
  integers(doubles: readonly string[]): Column[] {
    const { e } = this;
    return doubles.map((value) => ({ value: e.fadd(value, e.double(LOW_MAGIC)), bias: LOW_BIAS }));
  }

  /**
   * Takes away the multiple of p that is nearest, as the highest column tells: what remains is within ±p/2 and a
   * little. Values up to 2^260.
   */
  fold(columns: readonly Column[]): Column[] {
    const { e } = this;
    const top = this.rebias(columns[LIMBS - 1]!, ROOM);
    const SHIFT = 8n;
    const bits = e.add(e.shr(top.value, SHIFT), e.bits(wrap(LOW_BIAS - (ROOM >> SHIFT))));
    const approximate = e.fsub(bits, e.double(LOW_MAGIC));
    const weight = 2 ** Number(LIMB_BITS * BigInt(LIMBS - 1) + SHIFT) / Number(MODULUS);
    // Whether this is rounded once or twice does not matter: a quotient that is off by one is good enough.
    const magic = e.double(LOW_MAGIC);
    const scaled = e.fadd(e.fmul(approximate, e.double(weight)), magic);
    const quotient = this.limb(e.fsub(magic, scaled));
    const out: (Column | undefined)[] = [...columns];
    for (let i = 0; i < LIMBS - 1; i++) this.#addProduct(out, i, quotient, this.constant(P[i]!));
    const { high, low } = this.product(quotient, this.constant(P[LIMBS - 1]!));
    const last = this.add(out[LIMBS - 1], low);
    out[LIMBS - 1] = this.add(last, { value: e.shl(high.value, LIMB_BITS), bias: wrap(high.bias << LIMB_BITS) });
    return out as Column[];
  }
}

/** Runs computations in turns, so that the processor has one to do while the other waits. */
export function weave<T>(tasks: readonly Generator<void, T>[]): T[] {
  const results: T[] = [];
  let running = tasks.map((task, i) => ({ task, i }));
  while (running.length > 0) {
    running = running.filter(({ task, i }) => {
      const step = task.next();
      if (step.done) results[i] = step.value;
      return !step.done;
    });
  }
  return results;
}
