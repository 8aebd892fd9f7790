import { R } from '@codex/poseidon2';
import { type Constraint, modulo, type R1cs, violations } from './r1cs.ts';

type Known = readonly (bigint | undefined)[];
type Solution = readonly (readonly [wire: number, value: bigint])[];

/** The outputs of a permutation depend on each other three by three. */
const SYSTEM_MOST = 3;

/**
 * A cheater who does not use our witness generator. He fixes some wires as he likes, and makes the rest fit as far as the
 * constraints let him: what they determine he computes, where they leave a choice he takes the value of an honest witness.
 */
export class Forger {
  readonly #r1cs: R1cs;
  readonly #honest: readonly bigint[];
  /** For each constraint, the wires in it. */
  readonly #wires: readonly (readonly number[])[];
  /** For each wire, the constraints in which it is. */
  readonly #uses: readonly number[][];
  /** In which order to choose: first what a constraint leaves two values, for most else follows from these. */
  readonly #choices: readonly number[];

  constructor(r1cs: R1cs, honest: readonly bigint[]) {
    this.#r1cs = r1cs;
    this.#honest = honest;
    this.#uses = Array.from({ length: r1cs.wires }, () => []);
    this.#wires = r1cs.constraints.map((constraint) => [...wiresOf(constraint)]);
    for (const [i, inside] of this.#wires.entries()) for (const wire of inside) this.#uses[wire]!.push(i);
    this.#choices = [...booleanWires(r1cs), ...Array.from({ length: r1cs.wires }, (_, wire) => wire)];
  }

  /** How many constraints the best witness with these values violates, as far as the cheater can see. */
  forge(fixed: ReadonlyMap<number, bigint>): number {
    return violations(this.#r1cs, this.#complete(fixed)).length;
  }

  #complete(fixed: ReadonlyMap<number, bigint>): bigint[] {
    const { wires, constraints } = this.#r1cs;
    const known = new Array<bigint | undefined>(wires).fill(undefined);
    const missing = this.#wires.map((inside) => inside.length);
    const queue: number[] = [];
    const waiting = new Map<string, number[]>();
    const learn = (wire: number, value: bigint): void => {
      known[wire] = modulo(value);
      for (const i of this.#uses[wire]!) if (--missing[i]! > 0 && missing[i]! <= SYSTEM_MOST) queue.push(i);
    };
    const settle = (): void => {
      for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
        if (missing[i] === 0) continue;
        const unknown = this.#wires[i]!.filter((wire) => known[wire] === undefined);
        const key = unknown.sort((a, b) => a - b).join();
        const system = new Set(waiting.get(key)).add(i);
        waiting.set(key, [...system]);
        if (system.size < unknown.length) continue;
        const found = solve(
          [...system].map((index) => constraints[index]!),
          unknown,
          known,
        );
        for (const [wire, value] of found ?? []) learn(wire, value);
      }
    };
    learn(0, 1n);
    for (const [wire, value] of fixed) learn(wire, value);
    settle();
    for (const wire of this.#choices) {
      if (known[wire] !== undefined) continue;
      learn(wire, this.#honest[wire]!);
      settle();
    }
    return known.map((value) => value ?? 0n);
  }
}

/** The wires that have a constraint for themselves. */
export function booleanWires({ constraints }: R1cs): number[] {
  return constraints.flatMap((constraint) => {
    const wires = [...wiresOf(constraint)].filter((wire) => wire > 0);
    return wires.length === 1 ? wires : [];
  });
}

function wiresOf(constraint: Constraint): Set<number> {
  return new Set(constraint.flatMap((combination) => combination.map(([wire]) => wire)));
}

export function inverse(x: bigint): bigint {
  let [a, b, s, t] = [modulo(x), R, 1n, 0n];
  while (b !== 0n) [a, b, s, t] = [b, a % b, t, s - (a / b) * t];
  return modulo(s);
}

/** The coefficients of the unknown wires and what they must add up to, if the rest makes the constraint linear. */
function linearise(constraint: Constraint, unknown: readonly number[], known: Known): bigint[] | undefined {
  const [a, b, c] = constraint.map((combination) => {
    const factors = new Array<bigint>(unknown.length).fill(0n);
    let constant = 0n;
    for (const [wire, coefficient] of combination) {
      const value = known[wire];
      if (value === undefined) factors[unknown.indexOf(wire)]! += coefficient;
      else constant += coefficient * value;
    }
    return { factors, constant: constant % R, isConstant: factors.every((factor) => factor % R === 0n) };
  });
  if (!a || !b || !c || !(a.isConstant || b.isConstant)) return undefined;
  const row = unknown.map((_, i) => modulo(a.constant * b.factors[i]! + b.constant * a.factors[i]! - c.factors[i]!));
  return [...row, modulo(c.constant - a.constant * b.constant)];
}

/** The values of the unknown wires, if the constraints leave them only one. */
function solve(system: readonly Constraint[], unknown: readonly number[], known: Known): Solution | undefined {
  const rows = system.flatMap((constraint) => {
    const row = linearise(constraint, unknown, known);
    return row ? [row] : [];
  });
  for (const [column] of unknown.entries()) {
    const pivot = rows.findIndex((row, i) => i >= column && row[column] !== 0n);
    if (pivot < 0) return undefined;
    const [chosen] = rows.splice(pivot, 1);
    const scale = inverse(chosen![column]!);
    const unit = chosen!.map((value) => modulo(value * scale));
    rows.splice(column, 0, unit);
    for (const [i, row] of rows.entries()) {
      const factor = row[column]!;
      if (i !== column) rows[i] = row.map((value, j) => modulo(value - factor * unit[j]!));
    }
  }
  return unknown.map((wire, i) => [wire, rows[i]!.at(-1)!] as const);
}
