import { R } from '@codex/poseidon2';
import { type Constraint, modulo, type R1cs, violations } from './r1cs.ts';

export function inverse(x: bigint): bigint {
  let [a, b, s, t] = [modulo(x), R, 1n, 0n];
  while (b !== 0n) [a, b, s, t] = [b, a % b, t, s - (a / b) * t];
  return modulo(s);
}

/**
 * A cheater who does not use our witness generator. He fixes some wires as he likes, and makes the rest fit as far as the
 * constraints let him: what they determine he computes, where they leave a choice he takes the value of an honest witness.
 */
export class Forger {
  readonly #r1cs: R1cs;
  readonly #honest: readonly bigint[];
  /** For each wire, the constraints in which it is. */
  readonly #uses: readonly number[][];

  constructor(r1cs: R1cs, honest: readonly bigint[]) {
    this.#r1cs = r1cs;
    this.#honest = honest;
    this.#uses = Array.from({ length: r1cs.wires }, () => []);
    for (const [i, constraint] of r1cs.constraints.entries()) {
      for (const wire of wiresOf(constraint)) this.#uses[wire]!.push(i);
    }
  }

  /** How many constraints the best witness with these values violates, as far as the cheater can see. */
  forge(fixed: ReadonlyMap<number, bigint>): number {
    return violations(this.#r1cs, this.complete(fixed)).length;
  }

  complete(fixed: ReadonlyMap<number, bigint>): bigint[] {
    const { wires, constraints } = this.#r1cs;
    const known = new Array<bigint | undefined>(wires).fill(undefined);
    const missing = constraints.map((constraint) => wiresOf(constraint).size);
    const queue: number[] = [];
    const learn = (wire: number, value: bigint): void => {
      known[wire] = modulo(value);
      for (const i of this.#uses[wire]!) if (--missing[i]! === 1) queue.push(i);
    };
    const settle = (): void => {
      for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
        const found = missing[i] === 1 ? solve(constraints[i]!, known) : undefined;
        if (found) learn(...found);
      }
    };
    learn(0, 1n);
    for (const [wire, value] of fixed) learn(wire, value);
    settle();
    // Inputs have the lowest numbers, so that they are chosen before what depends on them.
    for (let wire = 1; wire < wires; wire++) {
      if (known[wire] !== undefined) continue;
      learn(wire, this.#honest[wire]!);
      settle();
    }
    return known.map((value) => value ?? 0n);
  }
}

function wiresOf(constraint: Constraint): Set<number> {
  return new Set(constraint.flatMap((combination) => combination.map(([wire]) => wire)));
}

/** The one unknown wire of a constraint, if only one value of it will do. */
function solve(
  constraint: Constraint,
  known: readonly (bigint | undefined)[],
): [wire: number, value: bigint] | undefined {
  let unknown = -1;
  const [a, b, c] = constraint.map((combination) => {
    let constant = 0n;
    let factor = 0n;
    for (const [wire, coefficient] of combination) {
      const value = known[wire];
      if (value === undefined) {
        unknown = wire;
        factor += coefficient;
      } else constant += coefficient * value;
    }
    return { constant: constant % R, factor: factor % R };
  });
  if (unknown < 0 || !a || !b || !c || (a.factor * b.factor) % R !== 0n) return undefined;
  const factor = modulo(a.constant * b.factor + b.constant * a.factor - c.factor);
  if (factor === 0n) return undefined;
  return [unknown, (c.constant - a.constant * b.constant) * inverse(factor)];
}
