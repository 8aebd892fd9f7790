import { scalarField } from '@codex/bn254';
import { Groth16Error } from '../errors.ts';

/** A number, or numbers of one or more dimensions. Strings are decimal, or hexadecimal after `0x`. */
export type InputValue = string | number | bigint | readonly InputValue[];

/** The inputs of a circuit by name, as in input.json (11 §5.1). */
export type CircuitInputs = Readonly<Record<string, InputValue>>;

/** Arrays within arrays: circuits have three at most. */
const DEPTH_MAX = 8;

/** Digits of 2^256 and a sign or prefix: longer numbers are not even parsed. */
const CHARACTERS_MAX = 80;

/** The numbers of an input in their order, reduced modulo r; they must be so many. `GROTH16_INPUT_INVALID`. */
export function flatten(name: string, value: InputValue, expected: number): bigint[] {
  const numbers: bigint[] = [];
  const visit = (part: InputValue, depth: number): void => {
    if (!Array.isArray(part)) {
      if (numbers.length === expected) throw wrong(name, `there are more than ${expected} numbers`);
      numbers.push(parse(name, part as Exclude<InputValue, readonly InputValue[]>));
      return;
    }
    if (depth === DEPTH_MAX) throw wrong(name, 'arrays are nested too deeply');
    for (const item of part) visit(item, depth + 1);
  };
  visit(value, 0);
  if (numbers.length < expected) throw wrong(name, `there are ${numbers.length} numbers of ${expected}`);
  return numbers;
}

export function wrong(name: string, reason: string): Groth16Error {
  return new Groth16Error('GROTH16_INPUT_INVALID', `Input ${name} cannot be used: ${reason}`, { name, reason });
}

function parse(name: string, value: unknown): bigint {
  if (typeof value === 'bigint') return scalarField.of(value);
  if (typeof value === 'number' && Number.isSafeInteger(value)) return scalarField.of(BigInt(value));
  if (typeof value === 'string' && value.length <= CHARACTERS_MAX && /^(-?[0-9]+|0x[0-9a-fA-F]+)$/.test(value)) {
    return scalarField.of(BigInt(value));
  }
  throw wrong(name, 'something is no integer');
}
