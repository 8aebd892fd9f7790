import {
  scalarField as f,
  G1_BYTES,
  type G1Point,
  G2_BYTES,
  type G2Point,
  g1,
  g2,
  readG1,
  readG2,
  rootOfUnity,
  writeG1,
  writeG2,
} from '@codex/bn254';
import type { KeySection, Proof, ProvingKey, SparseRows } from '../../../src/format/types.ts';
import { type Row, rowTimes, type SolvedSystem, shared, sparse } from './system.ts';

/** What nobody may know of a key that is used. */
const TOXIC = { tau: 0x1234_5678_9abcn, alpha: 271_828n, beta: 314_159n, gamma: 161_803n, delta: 141_421n };

/** Values of all Lagrange polynomials of the domain of 2^bits elements at x, which is none of them. */
function lagrangeAt(bits: number, x: bigint): bigint[] {
  const n = 2 ** bits;
  const root = rootOfUnity(bits);
  const vanishing = f.of(f.power(x, BigInt(n)) - 1n);
  let power = 1n;
  return Array.from({ length: n }, () => {
    const value = f.multiply(f.multiply(vanishing, power), f.invert(f.multiply(BigInt(n), f.of(x - power))));
    power = f.multiply(power, root);
    return value;
  });
}

/** A key made with BigInt, all in memory, as a plain reading of 11 §5.6 has it. */
export function twinKey({ system, matrices }: SolvedSystem): ProvingKey {
  const { wires, publicInputs: publicSignals } = system;
  const { tau, alpha, beta, gamma, delta } = TOXIC;
  // Rows that bind the public signals.
  const a: Row[] = [...matrices.a, ...Array.from({ length: publicSignals + 1 }, (_, i): Row => [[i, 1n]])];
  const domainBits = Math.ceil(Math.log2(a.length));
  const lagrange = lagrangeAt(domainBits, tau);
  const columns = (rows: readonly Row[]) => {
    const at = Array.from({ length: wires }, () => 0n);
    rows.forEach((row, i) => {
      for (const [wire, coefficient] of row) at[wire] = f.of((at[wire] ?? 0n) + coefficient * (lagrange[i] ?? 0n));
    });
    return at;
  };
  const [u, v, w] = [columns(a), columns(matrices.b), columns(matrices.c)];
  const mixed = u.map((value, i) => f.of(beta * value + alpha * (v[i] ?? 0n) + (w[i] ?? 0n)));
  const over = (divisor: bigint) => {
    const inverse = f.invert(divisor);
    return (value: bigint) => f.multiply(value, inverse);
  };
  const inG1 = (values: readonly bigint[]) => values.map((value) => g1.multiply(g1.generator, value));
  const inG2 = (values: readonly bigint[]) => values.map((value) => g2.multiply(g2.generator, value));
  const odd = lagrangeAt(domainBits + 1, tau).filter((_, i) => i % 2 === 1);
  const pack = (points: readonly Uint8Array[]) => {
    const bytes = shared(points.reduce((sum, point) => sum + point.length, 0));
    points.reduce((at, point) => {
      bytes.set(point, at);
      return at + point.length;
    }, 0);
    return bytes;
  };
  const sections: Record<KeySection, Uint8Array> = {
    a: pack(inG1(u).map(writeG1)),
    b1: pack(inG1(v).map(writeG1)),
    b2: pack(inG2(v).map(writeG2)),
    c: pack(inG1(mixed.slice(publicSignals + 1).map(over(delta))).map(writeG1)),
    h: pack(inG1(odd.map(over(delta))).map(writeG1)),
  };
  const [rowsA, rowsB] = sparse([a, matrices.b]).rows as [SparseRows, SparseRows];
  const bytesOf = (section: KeySection) => (section === 'b2' ? G2_BYTES : G1_BYTES);
  return {
    wires,
    publicSignals,
    domainBits,
    verification: {
      alpha: g1.multiply(g1.generator, alpha),
      beta: g2.multiply(g2.generator, beta),
      gamma: g2.multiply(g2.generator, gamma),
      delta: g2.multiply(g2.generator, delta),
      ic: inG1(mixed.slice(0, publicSignals + 1).map(over(gamma))),
    },
    betaG1: g1.multiply(g1.generator, beta),
    deltaG1: g1.multiply(g1.generator, delta),
    a: rowsA,
    b: rowsB,
    table: sparse([a, matrices.b]).table,
    pointsIn: (section) => sections[section].length / bytesOf(section),
    points: async (section, start, count) =>
      sections[section].subarray(start * bytesOf(section), (start + count) * bytesOf(section)),
    close: async () => {},
  };
}

/** The proof with ρ and t, by BigInt. The polynomials are known by their values: at odd powers of ω_2n by Lagrange's formula. */
export async function twinProof(
  { matrices, values }: SolvedSystem,
  key: ProvingKey,
  { factor, turn }: { readonly factor: bigint; readonly turn: bigint },
): Promise<Proof> {
  const n = 2 ** key.domainBits;
  const product = (rows: readonly Row[]) => Array.from({ length: n }, (_, i) => rowTimes(rows[i] ?? [], values));
  const publicRows = Array.from({ length: key.publicSignals + 1 }, (_, i): Row => [[i, 1n]]);
  const a = product([...matrices.a, ...publicRows]);
  const b = product(matrices.b);
  const c = a.map((value, i) => f.multiply(value, b[i] ?? 0n));
  const double = rootOfUnity(key.domainBits + 1);
  const h = Array.from({ length: n }, (_, i) => {
    const lagrange = lagrangeAt(key.domainBits, f.power(double, BigInt(2 * i + 1)));
    const at = (vector: readonly bigint[]) =>
      f.of(vector.reduce((sum, value, j) => sum + value * (lagrange[j] ?? 0n), 0n));
    return f.of(at(a) * at(b) - at(c));
  });
  const points = async (section: KeySection) => key.points(section, 0, key.pointsIn(section));
  const pieces = (bytes: Uint8Array, size: number) =>
    Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
  const sumG1 = async (section: KeySection, scalars: readonly bigint[]): Promise<G1Point> =>
    g1.multiplyAndAdd(pieces(await points(section), G1_BYTES).map(readG1), scalars);
  const sumA = g1.add(key.verification.alpha, await sumG1('a', values));
  const sumB: G2Point = g2.add(
    key.verification.beta,
    g2.multiplyAndAdd(pieces(await points('b2'), G2_BYTES).map(readG2), values),
  );
  const sumC = g1.add(await sumG1('c', values.slice(key.publicSignals + 1)), await sumG1('h', h));
  return {
    a: g1.multiply(sumA, f.invert(factor)),
    b: g2.add(g2.multiply(sumB, factor), g2.multiply(key.verification.delta, f.multiply(factor, turn))),
    c: g1.add(sumC, g1.multiply(sumA, turn)),
  };
}
