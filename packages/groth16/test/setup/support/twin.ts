import { scalarField as f, g1, g2, rootOfUnity, writeG1, writeG2 } from '@codex/bn254';
import type { KeySection } from '../../../src/format/types.ts';
import type { ToxicWaste } from '../../../src/setup/toxic-waste.ts';
import type { Row, SolvedSystem } from '../../prover/support/system.ts';

/** L_i(x) = (x^n - 1) / n · w^i / (x - w^i) for all powers of w, whose order is n. */
export function lagrangeBasis(bits: number, x: bigint): bigint[] {
  const n = 1n << BigInt(bits);
  const common = f.multiply(f.subtract(f.power(x, n), 1n), f.invert(n));
  return Array.from({ length: Number(n) }, (_, i) => {
    const power = f.power(rootOfUnity(bits), BigInt(i));
    return f.multiply(common, f.multiply(power, f.invert(f.subtract(x, power))));
  });
}

/** The points of a key as 11 §5.6 defines them, by BigInt. */
export function twinPoints({ system, matrices }: SolvedSystem, domainBits: number, waste: ToxicWaste) {
  const { tau, alpha, beta, delta } = waste;
  const publicSignals = system.publicOutputs + system.publicInputs;
  const basis = lagrangeBasis(domainBits, tau);
  const binding = Array.from({ length: publicSignals + 1 }, (_, wire): Row => [[wire, 1n]]);
  const atTau = (rows: readonly Row[]) => {
    const values = Array.from({ length: system.wires }, () => 0n);
    for (const [i, row] of rows.entries()) {
      for (const [wire, coefficient] of row) values[wire] = f.of(values[wire]! + coefficient * basis[i]!);
    }
    return values;
  };
  const a = atTau([...matrices.a, ...binding]);
  const b = atTau(matrices.b);
  const c = atTau(matrices.c);
  const k = a.map((value, wire) => f.of(beta * value + alpha * b[wire]! + c[wire]!));
  const inverse = f.invert(delta);
  const odd = lagrangeBasis(domainBits + 1, tau).filter((_, i) => i % 2 === 1);
  const first = (values: readonly bigint[]) =>
    Buffer.concat(values.map((value) => writeG1(g1.multiply(g1.generator, value))));
  const second = (values: readonly bigint[]) =>
    Buffer.concat(values.map((value) => writeG2(g2.multiply(g2.generator, value))));
  const sections: Record<KeySection, Buffer> = {
    a: first(a),
    b1: first(b),
    b2: second(b),
    c: first(k.slice(publicSignals + 1).map((value) => f.multiply(value, inverse))),
    h: first(odd.map((value) => f.multiply(value, inverse))),
  };
  return {
    sections,
    verification: {
      alpha: g1.multiply(g1.generator, alpha),
      beta: g2.multiply(g2.generator, beta),
      gamma: g2.generator,
      delta: g2.multiply(g2.generator, delta),
      ic: k.slice(0, publicSignals + 1).map((value) => g1.multiply(g1.generator, value)),
    },
    betaG1: g1.multiply(g1.generator, beta),
    deltaG1: g1.multiply(g1.generator, delta),
  };
}
