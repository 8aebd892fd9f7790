/** The twin of the kernels: 10 §2 to §5 as it is written, in BigInt. Twenty times slower; it also runs where no SIMD is. */
import { EXTERNAL_ROUNDS, roundConstants, WIDTH } from './constants.ts';
import { R } from './field.ts';

type State = readonly [bigint, bigint, bigint];

function power5(x: bigint): bigint {
  const square = (x * x) % R;
  return (((square * square) % R) * x) % R;
}

/** circ(2,1,1). */
function externalLayer([x, y, z]: State): State {
  const sum = x + y + z;
  return [(x + sum) % R, (y + sum) % R, (z + sum) % R];
}

/** All ones, and diag(1,1,2). */
function internalLayer([x, y, z]: State): State {
  const sum = x + y + z;
  return [(x + sum) % R, (y + sum) % R, (2n * z + sum) % R];
}

export function permute(state: State): State {
  const { external, internal } = roundConstants();
  const externalRound = ([x, y, z]: State, round: number): State => {
    const [a = 0n, b = 0n, c = 0n] = external.slice(WIDTH * round, WIDTH * (round + 1));
    return externalLayer([power5(x + a), power5(y + b), power5(z + c)]);
  };
  let now = externalLayer(state);
  for (let round = 0; round < EXTERNAL_ROUNDS / 2; round++) now = externalRound(now, round);
  for (const constant of internal) now = internalLayer([power5(now[0] + constant), now[1], now[2]]);
  for (let round = EXTERNAL_ROUNDS / 2; round < EXTERNAL_ROUNDS; round++) now = externalRound(now, round);
  return now;
}

/** Two to one; the key is the third element of the state (10 §2.3). */
export function compress(left: bigint, right: bigint, key: bigint): bigint {
  return permute([left, right, key])[0];
}

export type Rate = 1 | 2;

/** The third element in which a sponge begins (10 §3). */
export const initialValue = (rate: Rate): bigint => (1n << 64n) + 256n * BigInt(WIDTH) + BigInt(rate);

export function sponge(elements: readonly bigint[], rate: Rate = 2): bigint {
  const padded = [...elements, 1n];
  if (padded.length % rate !== 0) padded.push(0n);
  let state: State = [0n, 0n, initialValue(rate)];
  for (let i = 0; i < padded.length; i += rate) {
    const second = rate === 2 ? (padded[i + 1] ?? 0n) : 0n;
    state = permute([state[0] + (padded[i] ?? 0n), state[1] + second, state[2]]);
  }
  return state[0];
}

/** The root over at least one leaf (10 §5). */
export function merkleRoot(leaves: readonly bigint[]): bigint {
  let layer = leaves;
  let bottom = 1n;
  do {
    layer = Array.from({ length: Math.ceil(layer.length / 2) }, (_, i) => {
      const right = layer[2 * i + 1];
      return compress(layer[2 * i] ?? 0n, right ?? 0n, bottom + (right === undefined ? 2n : 0n));
    });
    bottom = 0n;
  } while (layer.length > 1);
  return layer[0] ?? 0n;
}
