import { scalarField as f, multiplyRows } from '@codex/bn254';
import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { ELEMENT_BYTES } from '../format/elements.ts';
import type { SparseRows } from '../format/types.ts';
import { rowsOfThree, transposeRows } from './matrix-jobs.ts';
import type { SecretMemory } from './secret-memory.ts';
import type { ToxicWaste } from './toxic-waste.ts';

/** For each wire, the values at τ of the polynomials that have its coefficients in a matrix as values. Elements. */
export interface WireValues {
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly c: Uint8Array;
  /** The three, one behind the other. */
  readonly all: Uint8Array;
}

export function takeWireValues(secrets: SecretMemory, wires: number): WireValues {
  const bytes = wires * ELEMENT_BYTES;
  const all = secrets.take(3 * bytes);
  const third = (i: number) => all.subarray(i * bytes, (i + 1) * bytes);
  return { a: third(0), b: third(1), c: third(2), all };
}

export interface MatrixAtTau {
  readonly rows: SparseRows;
  readonly table: Uint8Array;
  /** Values of the Lagrange polynomials at τ. */
  readonly lagrange: Uint8Array;
  readonly target: Uint8Array;
}

/** The transposed matrix times the Lagrange polynomials. */
export async function multiplyTransposed(
  compute: Compute,
  { rows, table, lagrange, target }: MatrixAtTau,
  options: AbortOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  const transposed = await compute.run(transposeRows, { rows, wires: target.byteLength / ELEMENT_BYTES });
  await multiplyRows(compute, { ...transposed, table, vector: lagrange, target }, options);
}

/**
 * (β·a + α·b + c) / divisor for some wires: what points of C and IC are made from. It is a sparse product too, of rows of three entries
 * each.
 */
export class CombinedValues {
  readonly #compute: Compute;
  readonly #all: Uint8Array;
  readonly #table: Uint8Array;
  readonly #target: Uint8Array;
  readonly #rows: SparseRows;

  private constructor(
    compute: Compute,
    init: { all: Uint8Array; table: Uint8Array; target: Uint8Array; rows: SparseRows },
  ) {
    this.#compute = compute;
    this.#all = init.all;
    this.#table = init.table;
    this.#target = init.target;
    this.#rows = init.rows;
  }

  static async make(
    { compute, secrets }: { compute: Compute; secrets: SecretMemory },
    { values, waste, divisor, countMax }: { values: WireValues; waste: ToxicWaste; divisor: bigint; countMax: number },
  ): Promise<CombinedValues> {
    const inverse = f.invert(divisor);
    const table = secrets.scalars([waste.beta, waste.alpha, 1n].map((factor) => f.multiply(factor, inverse)));
    const target = secrets.take(countMax * ELEMENT_BYTES);
    const rows = await compute.run(rowsOfThree, { count: countMax, apart: values.a.byteLength / ELEMENT_BYTES });
    return new CombinedValues(compute, { all: values.all, table, target, rows });
  }

  /** Of `countMax` wires at most; valid until the next call. */
  async of(first: number, count: number, options: AbortOptions): Promise<Uint8Array> {
    const target = this.#target.subarray(0, count * ELEMENT_BYTES);
    const { starts, columns, coefficients } = this.#rows;
    const rows = {
      starts: starts.subarray(0, count + 1),
      columns: columns.subarray(0, 3 * count),
      coefficients: coefficients.subarray(0, 3 * count),
    };
    // Columns are counted from the first wire.
    const vector = this.#all.subarray(first * ELEMENT_BYTES);
    await multiplyRows(this.#compute, { ...rows, table: this.#table, vector, target }, options);
    return target;
  }
}
