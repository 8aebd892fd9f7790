import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { ELEMENT_BYTES } from '../format/elements.ts';
import type { ConstraintSystem } from '../format/types.ts';
import { lagrangeValues, quotientValues } from './lagrange.ts';
import type { SecretMemory } from './secret-memory.ts';
import type { ToxicWaste } from './toxic-waste.ts';
import { multiplyTransposed, takeWireValues, type WireValues } from './wire-values.ts';

/** All that points of a key are made from, but for its divisions. */
export interface CircuitValues extends WireValues {
  /** For each element of the domain. */
  readonly h: Uint8Array;
}

/** Values of a circuit's polynomials at τ. The rows that bind public signals are among those of A. */
export async function circuitValues(
  { compute, secrets }: { compute: Compute; secrets: SecretMemory },
  { system, domainBits, waste }: { system: ConstraintSystem; domainBits: number; waste: ToxicWaste },
  options: AbortOptions,
): Promise<CircuitValues> {
  const bytes = 2 ** domainBits * ELEMENT_BYTES;
  const room = { values: secrets.take(bytes), scratch: secrets.take(bytes) };
  await lagrangeValues(compute, room, { domainBits, point: waste.tau, factor: 1n }, options);
  const { wires, table } = system;
  const values = takeWireValues(secrets, wires);
  // One after the other: each transposed matrix takes as much memory as the matrix.
  for (const matrix of ['a', 'b', 'c'] as const) {
    const target = values[matrix];
    await multiplyTransposed(compute, { rows: system[matrix], table, lagrange: room.values, target }, options);
  }
  await quotientValues(compute, room, { domainBits, tau: waste.tau, delta: waste.delta }, options);
  return { ...values, h: room.values };
}
