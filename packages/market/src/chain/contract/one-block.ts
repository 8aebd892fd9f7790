import type { Address, Hex } from '../marketplace.ts';

/** Words of an answer that are kept; all views that are asked together return one or none. */
const OUTPUT_WORDS = 1;
const WORD = 32;
/** Number and time of the block. */
const HEADER_WORDS = 2;

const CODECOPY = '39';
const NUMBER = '43';
const TIMESTAMP = '42';
const MSTORE = '52';
const GAS = '5a';
const STATICCALL = 'fa';
const RETURN = 'f3';

const push = (hex: string) => (0x5f + hex.length / 2).toString(16) + hex;
const pushNumber = (value: number) => push(value.toString(16).padStart(6, '0'));

/**
 * Code for an `eth_call` without a receiver that asks contracts one after the other, and returns the block's time and number, and of each
 * call whether it succeeded and the first word of what it returned. Chains run it as they would the creation of a contract, so that nothing
 * has to be deployed for it. For each call: its data into memory behind the results, the call, its success in front of its output.
 */
export function oneBlockCall(calls: readonly { readonly to: Address; readonly data: Hex }[]): Hex {
  const outputs = (HEADER_WORDS + calls.length * (1 + OUTPUT_WORDS)) * WORD;
  const program = (dataAt: readonly number[]) =>
    [
      TIMESTAMP,
      pushNumber(0),
      MSTORE,
      NUMBER,
      pushNumber(WORD),
      MSTORE,
      ...calls.flatMap(({ to, data }, i) => {
        const size = (data.length - 2) / 2;
        const result = (HEADER_WORDS + i * (1 + OUTPUT_WORDS)) * WORD;
        return [
          ...[pushNumber(size), pushNumber(dataAt[i]!), pushNumber(outputs), CODECOPY],
          ...[pushNumber(OUTPUT_WORDS * WORD), pushNumber(result + WORD), pushNumber(size), pushNumber(outputs)],
          ...[push(to.slice(2)), GAS, STATICCALL],
          ...[pushNumber(result), MSTORE],
        ];
      }),
      pushNumber(outputs),
      pushNumber(0),
      RETURN,
    ].join('');
  // All numbers take the same room, so that the length is known before they are.
  let at = program(calls.map(() => 0)).length / 2;
  const dataAt = calls.map(({ data }) => {
    const start = at;
    at += (data.length - 2) / 2;
    return start;
  });
  return `0x${program(dataAt)}${calls.map(({ data }) => data.slice(2)).join('')}`;
}

/** Reads what the code above returned for so many calls. Throws for anything else. */
export function readOneBlock(
  result: Hex,
  count: number,
): { number: bigint; timestamp: bigint; results: { isSuccess: boolean; output: Hex }[] } {
  const words = result.slice(2).match(/.{64}/g) ?? [];
  if (words.length !== HEADER_WORDS + count * (1 + OUTPUT_WORDS)) throw new RangeError('An answer of another length');
  const [timestamp, number, ...rest] = words as [string, string, ...string[]];
  const results = Array.from({ length: count }, (_, i) => ({
    isSuccess: BigInt(`0x${rest[2 * i]}`) === 1n,
    output: `0x${rest[2 * i + 1]}` as Hex,
  }));
  return { number: BigInt(`0x${number}`), timestamp: BigInt(`0x${timestamp}`), results };
}
