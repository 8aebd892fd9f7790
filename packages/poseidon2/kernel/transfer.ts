/** Elements from bytes into the state, and from the state to bytes. */
import { weave } from './arithmetic.ts';
import { limbAt, VECTORS } from './layout.ts';
import { INTO_MONTGOMERY, LIMB_BITS, LIMB_MASK, LIMBS, P_UNSIGNED, UNIT_BITS } from './numbers.ts';
import { type Build, begin, each, loadDoubles, PRODUCT_BIASES, store } from './rounds.ts';

const WORDS = 4;

/**
 * Adds one element of every permutation to an element of the state: 32 bytes at `from`, `from + stride` and so on, of
 * which the highest word is masked with `mask`. In: doubles; out: columns as the permutation wants them.
 */
function take(build: Build): string {
  const a = begin(build, 'take', '(param $x i32) (param $from i32) (param $stride i32) (param $mask i64)');
  const { e } = a;
  const mask = e.let('(i64x2.splat (local.get $mask))');
  const pointers = Array.from({ length: 2 * VECTORS }, (_, lane) =>
    e.let(`(i32.add (local.get $from) (i32.mul (local.get $stride) (i32.const ${lane})))`, 'i32'),
  );
  function* absorb(vector: number): Generator<void, void> {
    const [even, odd] = [pointers[2 * vector]!, pointers[2 * vector + 1]!];
    const words = Array.from({ length: WORDS }, (_, i) =>
      e.let(`(v128.load64_lane offset=${8 * i} 1 ${odd} (v128.load64_zero offset=${8 * i} ${even}))`),
    );
    words[WORDS - 1] = e.and(words[WORDS - 1]!, mask);
    const factors = INTO_MONTGOMERY.map((limb) => a.constant(limb));
    const limbs = Array.from({ length: LIMBS }, (_, i) => {
      const bit = BigInt(i) * LIMB_BITS;
      const word = Number(bit / 64n);
      const low = e.shr(words[word]!, bit % 64n);
      const both = word + 1 < WORDS ? e.or(low, e.shl(words[word + 1]!, 64n - (bit % 64n))) : low;
      const bits = bit === 0n ? words[0]! : both;
      return e.fsub(e.or(e.and(bits, e.bits(LIMB_MASK)), e.bits(UNIT_BITS)), e.double(2 ** 52));
    });
    const product = yield* a.multiply(a.limbs(limbs), factors);
    const before = a.integers(loadDoubles(a, '(local.get $x)', vector));
    const sum = product.map((column, i) => a.rebias(a.add(column, before[i]!), PRODUCT_BIASES[i]!));
    store(a, '(local.get $x)', vector, sum);
  }
  weave(each(absorb));
  return e.text();
}

/** An element of the state to which nothing is added. In: doubles; out: columns as the permutation wants them. */
function lift(build: Build): string {
  const a = begin(build, 'lift', '(param $x i32)');
  for (let vector = 0; vector < VECTORS; vector++) {
    const columns = a.integers(loadDoubles(a, '(local.get $x)', vector));
    const lifted = columns.map((column, i) => a.rebias(column, PRODUCT_BIASES[i]!));
    store(a, '(local.get $x)', vector, lifted);
  }
  return a.e.text();
}

/** Out of Montgomery form: columns without bias, in the place of the doubles. Each is between -p and p. */
function lower(build: Build): string {
  const a = begin(build, 'lower', '(param $x i32)');
  function* convert(vector: number): Generator<void, void> {
    const columns = yield* a.plain(a.limbs(loadDoubles(a, '(local.get $x)', vector)));
    store(
      a,
      '(local.get $x)',
      vector,
      columns.map((column) => a.rebias(column, 0n)),
    );
  }
  weave(each(convert));
  return a.e.text();
}

/** Writes the canonical 32 bytes of one lane, whose lowest limb is at `x`. */
function write(): string {
  const limb = (i: number): string => `(local.get $l${i})`;
  const set = (i: number, value: string): string => `(local.set $l${i} ${value})`;
  const carry = Array.from({ length: LIMBS - 1 }, (_, i) => [
    set(i + 1, `(i64.add ${limb(i + 1)} (i64.shr_s ${limb(i)} (i64.const ${LIMB_BITS})))`),
    set(i, `(i64.and ${limb(i)} (i64.const ${LIMB_MASK}))`),
  ]).flat();
  const addModulus = P_UNSIGNED.map((p, i) => set(i, `(i64.add ${limb(i)} (i64.const ${p}))`));
  const words = Array.from({ length: WORDS }, (_, word) => {
    const parts = Array.from({ length: LIMBS }, (_, i) => {
      const shift = i * Number(LIMB_BITS) - word * 64;
      if (shift <= -Number(LIMB_BITS) || shift >= 64) return [];
      const operation = shift < 0 ? 'shr_u' : 'shl';
      return [`(i64.${operation} ${limb(i)} (i64.const ${Math.abs(shift)}))`];
    }).flat();
    const value = parts.reduce((sum, part) => `(i64.or ${sum} ${part})`);
    return `(i64.store offset=${8 * word} (local.get $to) ${value})`;
  });
  const locals = Array.from({ length: LIMBS }, (_, i) => `(local $l${i} i64)`);
  const loads = Array.from({ length: LIMBS }, (_, i) => set(i, `(i64.load offset=${limbAt(0, i)} (local.get $x))`));
  return `(func $write (param $x i32) (param $to i32) ${locals.join(' ')}
    ${loads.join('\n')}
    ${carry.join('\n')}
    (if (i64.lt_s ${limb(LIMBS - 1)} (i64.const 0)) (then ${addModulus.join('\n')} ${carry.join('\n')}))
    ${words.join('\n')})`;
}

/** Writes an element of every permutation, canonical, at `to`, `to + stride` and so on. */
function give(): string {
  const writes = Array.from({ length: 2 * VECTORS }, (_, lane) => {
    const from = limbAt(lane >> 1, 0) + 8 * (lane & 1);
    const to = `(i32.add (local.get $to) (i32.mul (local.get $stride) (i32.const ${lane})))`;
    return `(call $write (i32.add (local.get $x) (i32.const ${from})) ${to})`;
  });
  return `(func $give (param $x i32) (param $to i32) (param $stride i32)
    (call $lower (local.get $x))
    ${writes.join('\n')})`;
}

export const transferFunctions = (build: Build): string[] => [take(build), lift(build), lower(build), write(), give()];
