import { readFileSync } from 'node:fs';
import { R } from '@codex/poseidon2';

/** Wires with their coefficients. */
type Combination = readonly (readonly [wire: number, coefficient: bigint])[];

/** A·w × B·w = C·w. */
export type Constraint = readonly [a: Combination, b: Combination, c: Combination];

export interface R1cs {
  readonly wires: number;
  /** Wires 1 to this are public; wire 0 is one. */
  readonly publicInputs: number;
  readonly constraints: readonly Constraint[];
}

export const modulo = (x: bigint): bigint => ((x % R) + R) % R;

function readElement(bytes: Buffer, at: number): bigint {
  let value = 0n;
  for (let limb = 3; limb >= 0; limb--) value = (value << 64n) | bytes.readBigUInt64LE(at + 8 * limb);
  return value;
}

/** Reads the iden3 container: sections of id, size and bytes; 1 is the header, 2 the constraints. */
export function readR1cs(path: string): R1cs {
  const file = readFileSync(path);
  const sections = new Map<number, Buffer>();
  if (file.toString('latin1', 0, 4) !== 'r1cs') throw new Error('This is no r1cs file');
  let at = 12;
  for (let i = file.readUInt32LE(8); i > 0; i--) {
    const size = Number(file.readBigUInt64LE(at + 4));
    sections.set(file.readUInt32LE(at), file.subarray(at + 12, at + 12 + size));
    at += 12 + size;
  }
  const header = sections.get(1)!;
  const body = sections.get(2)!;
  if (header.readUInt32LE(0) !== 32 || readElement(header, 4) !== R) throw new Error('This is for another field');
  let next = 0;
  const number = (): number => {
    next += 4;
    return body.readUInt32LE(next - 4);
  };
  const combination = (): Combination =>
    Array.from({ length: number() }, () => {
      const wire = number();
      next += 32;
      return [wire, readElement(body, next - 32)] as const;
    });
  return {
    wires: header.readUInt32LE(36),
    publicInputs: header.readUInt32LE(40) + header.readUInt32LE(44),
    constraints: Array.from({ length: header.readUInt32LE(60) }, () => [combination(), combination(), combination()]),
  };
}

const evaluate = (combination: Combination, witness: readonly bigint[]): bigint =>
  combination.reduce((sum, [wire, coefficient]) => sum + coefficient * witness[wire]!, 0n) % R;

/** The numbers of the constraints that a witness, whoever made it, does not satisfy. */
export function violations({ constraints }: R1cs, witness: readonly bigint[]): number[] {
  return constraints.flatMap(([a, b, c], i) =>
    (evaluate(a, witness) * evaluate(b, witness) - evaluate(c, witness)) % R === 0n ? [] : [i],
  );
}

/** The wire of every signal that the optimiser left. */
export function readSymbols(path: string): Map<string, number> {
  const wires = new Map<string, number>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [, wire = '-1', , name = ''] = line.split(',');
    if (Number(wire) >= 0) wires.set(name, Number(wire));
  }
  return wires;
}
