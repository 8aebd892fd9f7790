/** The permutation (10 §2.2) on the state in memory, as functions that call one another. */
import { Arithmetic, CARRY_READY, type Column, type Limb, weave } from './arithmetic.ts';
import { type ConstantPool, Emitter } from './emitter.ts';
import {
  ELEMENT_BYTES,
  INNER_CONSTANTS,
  INNER_COUNT,
  KEY_BYTES,
  LEAVE,
  limbAt,
  MIX_CONSTANTS,
  MIX_COUNT,
  slot,
  VECTORS,
  WIDTH,
} from './layout.ts';
import { LIMBS } from './numbers.ts';

/** Internal rounds after which the second and third element are made small again. They grow by 3 bits at most. */
const SETTLE_ROUNDS = 4;

export interface Build {
  readonly fused: boolean;
  readonly pool: ConstantPool;
}

export function begin({ fused, pool }: Build, name: string, signature = ''): Arithmetic {
  return new Arithmetic(new Emitter(pool, name, signature), fused);
}

export const loadDoubles = ({ e }: Arithmetic, pointer: string, vector: number): string[] =>
  Array.from({ length: LIMBS }, (_, i) => e.load(pointer, limbAt(vector, i)));

export const loadColumns = (a: Arithmetic, pointer: string, vector: number, biases: readonly bigint[]): Column[] =>
  loadDoubles(a, pointer, vector).map((value, i) => ({ value, bias: biases[i]! }));

export function store({ e }: Arithmetic, pointer: string, vector: number, values: readonly (string | Column)[]): void {
  for (const [i, value] of values.entries()) {
    e.store(pointer, limbAt(vector, i), typeof value === 'string' ? value : value.value);
  }
}

export const each = <T>(make: (vector: number) => T): T[] =>
  Array.from({ length: VECTORS }, (_, vector) => make(vector));

/** Biases of what a multiplication leaves. */
export const PRODUCT_BIASES: readonly bigint[] = (() => {
  const a = begin({ fused: true, pool: { place: () => 0 } as unknown as ConstantPool }, 'none');
  const zero: Limb[] = a.limbs(Array.from({ length: LIMBS }, () => ''));
  return weave([a.multiply(zero, zero)])[0]!.map(({ bias }) => bias);
})();

const NO_BIAS: readonly bigint[] = Array.from({ length: LIMBS }, () => 0n);

/** The differences of biases that `prepare` puts into the round constants, so that adding them costs nothing more. */
const correction = (biases: readonly bigint[]): bigint[] => CARRY_READY.map((ready, i) => ready - biases[i]!);

const plus = (a: Arithmetic, x: readonly Column[], y: readonly Column[]): Column[] => x.map((c, i) => a.add(c, y[i]!));

/** Adds a round constant; after that the columns have the biases that `carry` wants. */
function addConstant(a: Arithmetic, columns: readonly Column[], pointer: string, offset: number): Column[] {
  return columns.map(({ value }, i) => ({
    value: a.e.add(value, a.e.loadBoth(pointer, offset + 8 * i)),
    bias: CARRY_READY[i]!,
  }));
}

/** x -> x^5. In: doubles; out: columns with PRODUCT_BIASES. */
function sbox(build: Build): string {
  const a = begin(build, 'sbox', '(param $x i32)');
  const pointer = '(local.get $x)';
  function* power(vector: number): Generator<void, void> {
    const x = a.limbs(loadDoubles(a, pointer, vector));
    const x2 = a.limbs(a.doubles(a.carry(yield* a.square(x))));
    const x4 = a.limbs(a.doubles(a.carry(yield* a.square(x2))));
    store(a, pointer, vector, yield* a.multiply(x4, x));
  }
  weave(each(power));
  return a.e.text();
}

/** circ(2,1,1) and a constant for each element. In: columns with PRODUCT_BIASES; out: doubles. */
function mix(build: Build): string {
  const a = begin(build, 'mix', '(param $k i32)');
  for (let vector = 0; vector < VECTORS; vector++) {
    const state = Array.from({ length: WIDTH }, (_, j) => loadColumns(a, slot(j), vector, PRODUCT_BIASES));
    const sum = plus(a, plus(a, state[0]!, state[1]!), state[2]!);
    for (const [j, columns] of state.entries()) {
      const mixed = addConstant(a, plus(a, columns, sum), '(local.get $k)', j * KEY_BYTES);
      store(a, slot(j), vector, a.doubles(a.carry(a.fold(mixed))));
    }
  }
  return a.e.text();
}

const MIX_BIASES = PRODUCT_BIASES.map((bias) => 4n * bias);

/** Into the internal rounds: second and third element become columns without bias. */
function enter(build: Build): string {
  const a = begin(build, 'enter');
  for (let vector = 0; vector < VECTORS; vector++) {
    for (const j of [1, 2]) {
      const columns = a.integers(loadDoubles(a, slot(j), vector));
      store(
        a,
        slot(j),
        vector,
        columns.map((column) => a.rebias(column, 0n)),
      );
    }
  }
  return a.e.text();
}

/**
 * The linear layer of an internal round, and the next constant for the first element, which is folded: X. As y + s is
 * X + y - x, and 2z + s is X + 2z - x, the others need no folding here: they grow slowly.
 */
function inner(build: Build): string {
  const a = begin(build, 'inner', '(param $k i32)');
  for (let vector = 0; vector < VECTORS; vector++) {
    const [x, y, z] = [PRODUCT_BIASES, NO_BIAS, NO_BIAS].map((biases, j) => loadColumns(a, slot(j), vector, biases));
    const sum = plus(a, plus(a, x!, x!), plus(a, y!, z!));
    const carried = a.carry(a.fold(addConstant(a, sum, '(local.get $k)', 0)));
    store(a, slot(0), vector, a.doubles(carried));
    const difference = carried.map((column, i) => a.rebias(a.sub(column, x![i]!), 0n));
    store(a, slot(1), vector, plus(a, y!, difference));
    store(a, slot(2), vector, plus(a, plus(a, z!, z!), difference));
  }
  return a.e.text();
}

const INNER_BIASES = PRODUCT_BIASES.map((bias) => 2n * bias);

/** Folds and carries the second and third element. */
function settle(build: Build): string {
  const a = begin(build, 'settle');
  for (let vector = 0; vector < VECTORS; vector++) {
    for (const j of [1, 2]) {
      const carried = a.carry(a.fold(loadColumns(a, slot(j), vector, NO_BIAS)));
      store(
        a,
        slot(j),
        vector,
        carried.map((column) => a.rebias(column, 0n)),
      );
    }
  }
  return a.e.text();
}

/** Out of the internal rounds, with a constant for each element. */
function leave(build: Build): string {
  const a = begin(build, 'leave', '(param $k i32)');
  for (let vector = 0; vector < VECTORS; vector++) {
    for (let j = 0; j < WIDTH; j++) {
      const columns =
        j === 0
          ? a.integers(loadDoubles(a, slot(j), vector)).map((column) => a.rebias(column, 0n))
          : loadColumns(a, slot(j), vector, NO_BIAS);
      const mixed = addConstant(a, columns, '(local.get $k)', j * KEY_BYTES);
      store(a, slot(j), vector, a.doubles(a.carry(a.fold(mixed))));
    }
  }
  return a.e.text();
}

const mixConstant = (number: number): number => MIX_CONSTANTS + number * WIDTH * KEY_BYTES;

/** Four external rounds; the first of their mixes is number `mix`. */
function externalRounds(first: number): string {
  return `
    (local.set $k (i32.const ${mixConstant(first)}))
    (loop $external${first}
      (call $sbox ${slot(0)})
      (call $sbox ${slot(1)})
      (call $sbox ${slot(2)})
      (call $mix (local.get $k))
      (local.set $k (i32.add (local.get $k) (i32.const ${WIDTH * KEY_BYTES})))
      (br_if $external${first} (i32.lt_u (local.get $k) (i32.const ${mixConstant(first + 4)}))))`;
}

/** The whole permutation. In: columns with PRODUCT_BIASES; out: doubles. */
const PERMUTATION = `(func $permutation
  (local $k i32)
  (local $left i32)
  (call $mix (i32.const ${mixConstant(0)}))
  ${externalRounds(1)}
  (call $enter)
  (local.set $k (i32.const ${INNER_CONSTANTS}))
  (loop $inner
    (local.set $left (i32.const ${SETTLE_ROUNDS}))
    (loop $few
      (call $sbox ${slot(0)})
      (call $inner (local.get $k))
      (local.set $k (i32.add (local.get $k) (i32.const ${KEY_BYTES})))
      (br_if $few (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $settle)
    (br_if $inner (i32.lt_u (local.get $k) (i32.const ${INNER_CONSTANTS + INNER_COUNT * KEY_BYTES}))))
  (call $leave (i32.const ${mixConstant(LEAVE)}))
  ${externalRounds(LEAVE + 1)})`;

/** Called once, when the host has written the limbs of the round constants. */
function prepare(): string {
  const lines: string[] = [];
  const adjust = (address: number, biases: readonly bigint[]): void => {
    for (const [i, difference] of correction(biases).entries()) {
      const at = `(i32.const ${address + 8 * i})`;
      lines.push(`(i64.store ${at} (i64.add (i64.load ${at}) (i64.const ${BigInt.asIntN(64, difference)})))`);
    }
  };
  for (let i = 0; i < MIX_COUNT; i++) {
    for (let j = 0; j < WIDTH; j++) adjust(mixConstant(i) + j * KEY_BYTES, i === LEAVE ? NO_BIAS : MIX_BIASES);
  }
  for (let i = 0; i < INNER_COUNT; i++) adjust(INNER_CONSTANTS + i * KEY_BYTES, INNER_BIASES);
  return `(func (export "prepare") ${lines.join('\n')})`;
}

export const roundFunctions = (build: Build): string[] => [
  sbox(build),
  mix(build),
  enter(build),
  inner(build),
  settle(build),
  leave(build),
  PERMUTATION,
  prepare(),
];

export const CLEAR = `(memory.fill ${slot(0)} (i32.const 0) (i32.const ${WIDTH * ELEMENT_BYTES}))`;
