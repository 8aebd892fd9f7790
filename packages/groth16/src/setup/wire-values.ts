import { scalarField as f, multiplyRows } from '@codex/bn254';
import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { ELEMENT_BYTES } from '../format/elements.ts';
import type { SparseRows } from '../format/types.ts';
import { transposeRows } from './matrix-jobs.ts';
import type { SecretMemory } from './secret-memory.ts';
import { sharedWords } from './shared-arrays.ts';
import type { ToxicWaste } from './toxic-waste.ts';

export interface WireInput {
  readonly rows: SparseRows;
  readonly table: Uint8Array;
  readonly wires: number;
  /** Values of the Lagrange polynomials at τ. */
  readonly lagrange: Uint8Array;
}

/**
 * For each wire, the value at τ of the polynomial that has the wire's coefficients as values: the transposed matrix times the Lagrange
 * polynomials.
 */
export async function valuesOfWires(
  compute: Compute,
  secrets: SecretMemory,
  { rows, table, wires, lagrange }: WireInput,
  options: AbortOptions,
): Promise<Uint8Array> {
  options.signal?.throwIfAborted();
  const target = secrets.take(wires * ELEMENT_BYTES);
  const transposed = await compute.run(transposeRows, { rows, wires });
  await multiplyRows(compute, { ...transposed, table, vector: lagrange, target }, options);
  return target;
}

/** What the matrices have for each wire. */
export interface WireValues {
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly c: Uint8Array;
}

/**
 * (β·a + α·b + c) / divisor for some wires: what points of C and IC are made from. It is a sparse product too, of rows of three entries
 * each.
 */
export class CombinedValues {
  readonly #compute: Compute;
  readonly #values: WireValues;
  readonly #countMax: number;
  readonly #rows: SparseRows;
  readonly #table: Uint8Array;
  readonly #vector: Uint8Array;
  readonly #target: Uint8Array;

  constructor(
    components: { compute: Compute; secrets: SecretMemory },
    init: { values: WireValues; waste: ToxicWaste; divisor: bigint; countMax: number },
  ) {
    const { values, waste, divisor, countMax } = init;
    this.#compute = components.compute;
    this.#values = values;
    this.#countMax = countMax;
    this.#rows = rowsOfThree(countMax);
    const inverse = f.invert(divisor);
    const factors = [waste.beta, waste.alpha, 1n].map((factor) => f.multiply(factor, inverse));
    this.#table = components.secrets.scalars(factors);
    this.#vector = components.secrets.take(3 * countMax * ELEMENT_BYTES);
    this.#target = components.secrets.take(countMax * ELEMENT_BYTES);
  }

  /** Of `countMax` wires at most; valid until the next call. */
  async of(first: number, count: number, options: AbortOptions): Promise<Uint8Array> {
    const { a, b, c } = this.#values;
    [a, b, c].forEach((values, i) => {
      const part = values.subarray(first * ELEMENT_BYTES, (first + count) * ELEMENT_BYTES);
      this.#vector.set(part, i * this.#countMax * ELEMENT_BYTES);
    });
    const target = this.#target.subarray(0, count * ELEMENT_BYTES);
    const { starts, columns, coefficients } = this.#rows;
    const rows = {
      starts: starts.subarray(0, count + 1),
      columns: columns.subarray(0, 3 * count),
      coefficients: coefficients.subarray(0, 3 * count),
    };
    await multiplyRows(this.#compute, { ...rows, table: this.#table, vector: this.#vector, target }, options);
    return target;
  }
}

/** Row i has entries in columns i, count + i and 2 · count + i. */
function rowsOfThree(count: number): SparseRows {
  const starts = sharedWords(count + 1);
  const columns = sharedWords(3 * count);
  const coefficients = sharedWords(3 * count);
  for (let row = 0; row < count; row++) {
    starts[row + 1] = 3 * (row + 1);
    for (let i = 0; i < 3; i++) {
      columns[3 * row + i] = i * count + row;
      coefficients[3 * row + i] = i;
    }
  }
  return { starts, columns, coefficients };
}
