import { type G1Point, g2, readG1 } from '@codex/bn254';
import type { Compute } from '@codex/compute';
import { type AbortOptions, type Random, systemRandom } from '@codex/runtime';
import { Groth16Error } from '../errors.ts';
import { contributionsOf } from '../format/contributions.ts';
import { ELEMENT_BYTES } from '../format/elements.ts';
import { DOMAIN_BITS_MAX } from '../format/limits.ts';
import type { ConstraintSystem, VerificationKey } from '../format/types.ts';
import { writeProvingKey } from '../format/zkey-writer.ts';
import { type CircuitValues, circuitValues } from './circuit-values.ts';
import { makeHeaderPoints } from './header-points.ts';
import { bindSignals } from './matrix-jobs.ts';
import {
  FIRST_GROUP,
  type Group,
  PIECE_POINTS_MAX,
  pointPieces,
  type ScalarsOf,
  SECOND_GROUP,
} from './point-pieces.ts';
import { SecretMemory } from './secret-memory.ts';
import { drawToxicWaste, type ToxicWaste } from './toxic-waste.ts';
import { CombinedValues } from './wire-values.ts';

/** The name of the key's only contribution. */
export const INSECURE_MARK = 'INSECURE development key: one party knew its secrets';

export interface SetupComponents {
  readonly compute: Compute;
  /** What the secrets are drawn from: the system's, except in tests. */
  readonly random?: Random;
}

export interface SetupInput extends AbortOptions {
  readonly constraints: ConstraintSystem;
  /** Where the zkey file is to be. */
  readonly target: string;
  /** How much is done, from 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

export interface DevelopmentSetup {
  /** Whoever ran the setup may have kept the secrets, and can then prove anything. */
  readonly insecure: true;
  readonly verification: VerificationKey;
}

/**
 * Makes the zkey of a circuit without a ceremony, for development. As in keys of snarkjs, γ is the generator, and each public signal has
 * a row of its own behind the constraints. The file appears when it is whole. Secrets are overwritten where they lie in shared memory;
 * nothing can be said of the engine's big integers and the threads' kernels.
 *
 * @throws GROTH16_CIRCUIT_TOO_LARGE
 */
export async function developmentSetup(
  { compute, random = systemRandom }: SetupComponents,
  { constraints: unbound, target, onProgress, signal }: SetupInput,
): Promise<DevelopmentSetup> {
  signal?.throwIfAborted();
  const publicSignals = unbound.publicOutputs + unbound.publicInputs;
  const domainBits = domainBitsFor(unbound.constraints + publicSignals);
  const signals = publicSignals + 1;
  const { rows, table } = await compute.run(bindSignals, { rows: unbound.a, table: unbound.table, signals });
  const system = { ...unbound, a: rows, table };
  const secrets = new SecretMemory(compute);
  try {
    const waste = drawToxicWaste(random);
    const values = await circuitValues({ compute, secrets }, { system, domainBits, waste }, { signal });
    const input = { system, domainBits, waste, values, target };
    return await writeKey({ compute, secrets }, input, { signal, onProgress });
  } finally {
    await secrets.wipe();
  }
}

interface KeyInput {
  /** With the rows of public signals. */
  readonly system: ConstraintSystem;
  readonly domainBits: number;
  readonly waste: ToxicWaste;
  readonly values: CircuitValues;
  readonly target: string;
}

async function writeKey(
  components: { readonly compute: Compute; readonly secrets: SecretMemory },
  { system, domainBits, waste, values, target }: KeyInput,
  { signal, onProgress }: Pick<SetupInput, 'signal' | 'onProgress'>,
): Promise<DevelopmentSetup> {
  const { compute } = components;
  const { wires, a, b, table } = system;
  const publicSignals = system.publicOutputs + system.publicInputs;
  const signals = publicSignals + 1;
  const total = FIRST_GROUP.cost * (3 * wires + 2 ** domainBits) + SECOND_GROUP.cost * wires;
  let done = 0;
  const onCost = (cost: number) => {
    done += cost;
    onProgress?.(Math.min(1, done / total));
  };
  const pieces = (group: Group, count: number, scalarsOf: ScalarsOf) =>
    pointPieces(compute, { group, count, scalarsOf }, { signal, onCost });
  const combined = async (first: number, count: number, divisor: bigint) => {
    const countMax = Math.min(count, PIECE_POINTS_MAX);
    const part = await CombinedValues.make(components, { values, waste, divisor, countMax });
    return pieces(FIRST_GROUP, count, (from, points, options) => part.of(first + from, points, options));
  };

  signal?.throwIfAborted();
  const { alphaG1, betaG1, betaG2, deltaG1, deltaG2 } = await compute.run(makeHeaderPoints, waste);
  const ic: G1Point[] = [];
  for await (const piece of await combined(0, signals, 1n)) ic.push(...pointsIn(piece));
  const verification = { alpha: alphaG1, beta: betaG2, gamma: g2.generator, delta: deltaG2, ic };
  const points = {
    a: pieces(FIRST_GROUP, wires, partOf(values.a)),
    b1: pieces(FIRST_GROUP, wires, partOf(values.b)),
    b2: pieces(SECOND_GROUP, wires, partOf(values.b)),
    c: await combined(signals, wires - signals, waste.delta),
    h: pieces(FIRST_GROUP, 2 ** domainBits, partOf(values.h)),
  };
  const contributions = contributionsOf({ name: INSECURE_MARK, delta: deltaG1 });
  const header = { wires, publicSignals, domainBits, verification, betaG1, deltaG1 };
  await writeProvingKey(target, { ...header, a, b, table, points, contributions }, { signal });
  return { insecure: true, verification };
}

/** The smallest domain with more elements than there are rows with the public signals; wire 0 has a row too. */
function domainBitsFor(rows: number): number {
  const bits = Math.max(1, 32 - Math.clz32(rows));
  if (bits <= DOMAIN_BITS_MAX) return bits;
  throw new Groth16Error(
    'GROTH16_CIRCUIT_TOO_LARGE',
    `A circuit of ${rows} rows needs a domain of 2^${bits} elements; the largest has 2^${DOMAIN_BITS_MAX}`,
    { rows, limit: 2 ** DOMAIN_BITS_MAX },
  );
}

const partOf =
  (scalars: Uint8Array): ScalarsOf =>
  async (first, count) =>
    scalars.subarray(first * ELEMENT_BYTES, (first + count) * ELEMENT_BYTES);

function pointsIn(piece: Uint8Array): G1Point[] {
  const { pointBytes } = FIRST_GROUP;
  const count = piece.byteLength / pointBytes;
  return Array.from({ length: count }, (_, i) => readG1(piece.subarray(i * pointBytes, (i + 1) * pointBytes)));
}
