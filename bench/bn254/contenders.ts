import {
  fp12,
  G1_BYTES,
  type G1Point,
  G2_BYTES,
  type G2Point,
  g1,
  g2,
  multiplyAndAddG1,
  multiplyAndAddG2,
  pairingProduct,
  transform,
  writeG1,
  writeG2,
} from '@codex/bn254';
import type { Compute } from '@codex/compute';
import { installRival, loadRival } from './rivals/load.ts';

/** What a prover and a verifier do; each returns something that can be compared. */
export interface Implementation {
  readonly name: string;
  transform(): Promise<unknown>;
  sumG1(): Promise<string>;
  sumG2(): Promise<string>;
  /** With scalars as witnesses have them. */
  witnessG1(): Promise<string>;
  witnessG2(): Promise<string>;
  /** A product of four pairings, which is 1. */
  pairing(): Promise<unknown>;
  stop(): Promise<void>;
}

/** As many elements, points and scalars. */
export interface Input {
  readonly elements: Uint8Array;
  readonly scalars: Uint8Array;
  /** Three of ten are 0, three are 1, the others any. */
  readonly witness: Uint8Array;
  readonly g1: Uint8Array;
  readonly g2: Uint8Array;
}

const ELEMENT_BYTES = 32;
/** Points that differ; then they come again. */
const DISTINCT = 4096;

const shared = (bytes: number) => new Uint8Array(new SharedArrayBuffer(bytes));

export function inputOf(count: number, content: Iterable<Uint8Array>): Input {
  const elements = shared(count * ELEMENT_BYTES);
  let at = 0;
  for (const piece of content) {
    elements.set(piece.subarray(0, elements.length - at), at);
    at = Math.min(elements.length, at + piece.length);
  }
  // Below the moduli.
  for (let i = ELEMENT_BYTES - 1; i < elements.length; i += ELEMENT_BYTES) elements[i] = (elements[i] ?? 0) & 0x1f;
  const tile = (bytes: number, next: () => Uint8Array) => {
    const points = shared(count * bytes);
    const distinct = Math.min(count, DISTINCT);
    for (let i = 0; i < distinct; i++) points.set(next(), i * bytes);
    for (let i = distinct; i < count; i += distinct)
      points.copyWithin(i * bytes, 0, Math.min(distinct, count - i) * bytes);
    return points;
  };
  let p: G1Point = g1.multiply(g1.generator, 123_456_789n);
  let q: G2Point = g2.multiply(g2.generator, 987_654_321n);
  const witness = shared(elements.length);
  witness.set(elements);
  for (let i = 0; i < count; i++) {
    const kind = (elements[i * ELEMENT_BYTES] ?? 0) % 10;
    if (kind >= 6) continue;
    witness.fill(0, i * ELEMENT_BYTES, (i + 1) * ELEMENT_BYTES);
    witness[i * ELEMENT_BYTES] = kind & 1;
  }
  return {
    elements,
    scalars: elements,
    witness,
    g1: tile(G1_BYTES, () => {
      p = g1.add(p, g1.generator);
      return writeG1(p);
    }),
    g2: tile(G2_BYTES, () => {
      q = g2.add(q, g2.generator);
      return writeG2(q);
    }),
  };
}

const PAIRS = [
  { g1: g1.multiply(g1.generator, 6n), g2: g2.generator },
  { g1: g1.multiply(g1.generator, 2n), g2: g2.multiply(g2.generator, 5n) },
  { g1: g1.negate(g1.multiply(g1.generator, 3n)), g2: g2.multiply(g2.generator, 4n) },
  { g1: g1.negate(g1.generator), g2: g2.multiply(g2.generator, 4n) },
];

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export function ours(compute: Compute, input: Input): Implementation {
  const values = input.elements.slice();
  const scratch = shared(values.length);
  const target = shared(values.length);
  return {
    name: 'ours',
    async transform() {
      target.set(values);
      await transform(compute, { values: target, scratch });
    },
    sumG1: async () => hex(writeG1(await multiplyAndAddG1(compute, { points: input.g1, scalars: input.scalars }))),
    sumG2: async () => hex(writeG2(await multiplyAndAddG2(compute, { points: input.g2, scalars: input.scalars }))),
    witnessG1: async () => hex(writeG1(await multiplyAndAddG1(compute, { points: input.g1, scalars: input.witness }))),
    witnessG2: async () => hex(writeG2(await multiplyAndAddG2(compute, { points: input.g2, scalars: input.witness }))),
    async pairing() {
      if (!fp12.equals(pairingProduct(PAIRS), fp12.one)) throw new Error('Our pairing is wrong');
    },
    stop: async () => {
      await compute.stop();
    },
  };
}

interface Group {
  multiExpAffine(points: Uint8Array, scalars: Uint8Array): Promise<Uint8Array>;
  toAffine(point: Uint8Array): Uint8Array;
}

interface Bn128 {
  readonly Fr: { fft(values: Uint8Array): Promise<Uint8Array> };
  readonly G1: Group;
  readonly G2: Group;
  pairingEq(...points: Uint8Array[]): Promise<boolean>;
  terminate(): Promise<void>;
}

/** What snarkjs calculates with: WebAssembly on threads. */
export async function ffjavascript(input: Input): Promise<Implementation> {
  installRival();
  const { buildBn128 } = loadRival<{ buildBn128(): Promise<Bn128> }>('ffjavascript');
  const curve = await buildBn128();
  const own = {
    elements: input.elements.slice(),
    witness: input.witness.slice(),
    g1: input.g1.slice(),
    g2: input.g2.slice(),
  };
  const points = PAIRS.flatMap((pair) => [writeG1(pair.g1), writeG2(pair.g2)]);
  return {
    name: 'ffjavascript',
    transform: () => curve.Fr.fft(own.elements),
    sumG1: async () => hex(curve.G1.toAffine(await curve.G1.multiExpAffine(own.g1, own.elements))),
    sumG2: async () => hex(curve.G2.toAffine(await curve.G2.multiExpAffine(own.g2, own.elements))),
    witnessG1: async () => hex(curve.G1.toAffine(await curve.G1.multiExpAffine(own.g1, own.witness))),
    witnessG2: async () => hex(curve.G2.toAffine(await curve.G2.multiExpAffine(own.g2, own.witness))),
    async pairing() {
      if (!(await curve.pairingEq(...points))) throw new Error('The pairing of ffjavascript is wrong');
    },
    stop: () => curve.terminate(),
  };
}
