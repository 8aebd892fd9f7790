/**
 * The field of pairings, c0 + c1 w with w² = v: c0 lies in the first lane, c1 in the second. Three coefficients of v, with
 * v³ = 9 + u, each of two pairs, real part first. All elements are settled.
 */
import { BASE } from './constants';
import { PAIR, settle } from './element';
import { POINT_SCRATCH } from './points';
import { multiplyAndAdd } from './products';

/** Bytes of a pair of coefficients. */
// @ts-expect-error: decorator
@inline
const TWO: usize = 2 * PAIR;
// @ts-expect-error: decorator
@inline
export const ELEMENT12: usize = 6 * PAIR;

// @ts-expect-error: decorator
@inline
const TERM: usize = POINT_SCRATCH + 2 * PAIR;
// @ts-expect-error: decorator
@inline
const NEGATIVE: usize = TERM + 2 * PAIR;
// @ts-expect-error: decorator
@inline
const TWISTED: usize = NEGATIVE + PAIR;
// @ts-expect-error: decorator
@inline
const LEFT: usize = TWISTED + 4 * PAIR;
// @ts-expect-error: decorator
@inline
const RIGHT: usize = LEFT + ELEMENT12;
// @ts-expect-error: decorator
@inline
const PRODUCT: usize = RIGHT + ELEMENT12;
// @ts-expect-error: decorator
@inline
const OTHER: usize = PRODUCT + ELEMENT12;
// @ts-expect-error: decorator
@inline
export const TOWER_SCRATCH: usize = OTHER + ELEMENT12;

/** to = x + three times y, settled, or less x. */
function triple(to: usize, y: usize, x: usize, sign: f64): void {
  const factor = f64x2.splat(sign);
  for (let i: usize = 0; i < PAIR; i += 16) {
    const once = v128.load(y + i);
    const third = f64x2.add(f64x2.add(once, once), once);
    v128.store(to + i, f64x2.add(third, f64x2.mul(v128.load(x + i), factor)));
  }
  settle(to, to, BASE);
}

/** Times 9 + u. `to` is not `a`. */
function twist(to: usize, a: usize): void {
  triple(TERM, a, a, 0);
  triple(to, TERM, a + PAIR, -1);
  triple(TERM, a + PAIR, a, 0);
  triple(to + PAIR, TERM, a, 1);
}

/** sum += a · b, of coefficients, unsettled: of up to three products. */
function addProduct(sum: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < PAIR; i += 16) v128.store(NEGATIVE + i, f64x2.neg(v128.load(b + PAIR + i)));
  multiplyAndAdd(TERM, a, b, a + PAIR, NEGATIVE, BASE);
  multiplyAndAdd(TERM + PAIR, a, b + PAIR, a + PAIR, b, BASE);
  for (let i: usize = 0; i < TWO; i += 16) v128.store(sum + i, f64x2.add(v128.load(sum + i), v128.load(TERM + i)));
}

// @ts-expect-error: decorator
@inline
function settleTwo(at: usize): void {
  settle(at, at, BASE);
  settle(at + PAIR, at + PAIR, BASE);
}

/** Products of the parts in each lane. `to` is neither factor. */
function multiplyParts(to: usize, a: usize, b: usize): void {
  memory.fill(to, 0, ELEMENT12);
  twist(TWISTED, a + TWO);
  twist(TWISTED + TWO, a + 2 * TWO);
  addProduct(to, a, b);
  addProduct(to, TWISTED, b + 2 * TWO);
  addProduct(to, TWISTED + TWO, b + TWO);
  addProduct(to + TWO, a, b + TWO);
  addProduct(to + TWO, a + TWO, b);
  addProduct(to + TWO, TWISTED + TWO, b + 2 * TWO);
  addProduct(to + 2 * TWO, a, b + 2 * TWO);
  addProduct(to + 2 * TWO, a + TWO, b + TWO);
  addProduct(to + 2 * TWO, a + 2 * TWO, b);
  for (let i: usize = 0; i < ELEMENT12; i += TWO) settleTwo(to + i);
}

// @ts-expect-error: decorator
@inline
function settleAll(at: usize): void {
  for (let i: usize = 0; i < ELEMENT12; i += PAIR) settle(at + i, at + i, BASE);
}

/** Where the coefficient of `a` times v is that belongs to offset `i`; TWISTED holds the highest one, twisted. */
// @ts-expect-error: decorator
@inline
function shifted(a: usize, i: usize): usize {
  return i < TWO ? TWISTED + i : a + i - TWO;
}

/** (c0 + c1)(c0 + v c1) and c0 c1 make the square. `to` may be `a`. */
export function square12(to: usize, a: usize): void {
  twist(TWISTED, a + 2 * TWO);
  for (let i: usize = 0; i < ELEMENT12; i += 16) {
    const both = v128.load(a + i);
    const c0 = i64x2.shuffle(both, both, 0, 0);
    const c1 = i64x2.shuffle(both, both, 1, 1);
    v128.store(LEFT + i, i64x2.shuffle(both, f64x2.add(c0, c1), 0, 3));
    v128.store(RIGHT + i, i64x2.shuffle(c1, f64x2.add(c0, v128.load(shifted(a, i))), 0, 3));
  }
  settleAll(LEFT);
  settleAll(RIGHT);
  multiplyParts(PRODUCT, LEFT, RIGHT);
  twist(TWISTED, PRODUCT + 2 * TWO);
  for (let i: usize = 0; i < ELEMENT12; i += 16) {
    const both = v128.load(PRODUCT + i);
    const less = f64x2.add(both, v128.load(shifted(PRODUCT, i)));
    const c0 = f64x2.sub(i64x2.shuffle(both, both, 1, 1), less);
    const c1 = f64x2.add(both, both);
    v128.store(to + i, i64x2.shuffle(c0, c1, 0, 2));
  }
  settleAll(to);
}

/** Adds v times the first lane's part of a product, and the second one's, to what is at `to`. */
function addShifted(to: usize, product: usize): void {
  twist(TWISTED, product + 2 * TWO);
  for (let i: usize = 0; i < ELEMENT12; i += 16) {
    const more = i64x2.shuffle(v128.load(shifted(product, i)), v128.load(product + i), 0, 3);
    v128.store(to + i, f64x2.add(v128.load(to + i), more));
  }
  settleAll(to);
}

/** `to` may be a factor. */
export function multiply12(to: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < ELEMENT12; i += 16) {
    const left = v128.load(a + i);
    const right = v128.load(b + i);
    v128.store(LEFT + i, i64x2.shuffle(left, left, 0, 0));
    v128.store(OTHER + i, i64x2.shuffle(left, left, 1, 1));
    v128.store(RIGHT + i, i64x2.shuffle(right, right, 1, 0));
  }
  multiplyParts(PRODUCT, LEFT, b);
  multiplyParts(LEFT, OTHER, RIGHT);
  memory.copy(to, PRODUCT, ELEMENT12);
  addShifted(to, LEFT);
}

/** Times 1 + (s + t v) w, in place. */
export function multiplyLine(at: usize, s: usize, t: usize): void {
  for (let i: usize = 0; i < ELEMENT12; i += 16) {
    const both = v128.load(at + i);
    v128.store(LEFT + i, i64x2.shuffle(both, both, 1, 0));
  }
  twist(TWISTED, LEFT + 2 * TWO);
  memory.fill(PRODUCT, 0, ELEMENT12);
  addProduct(PRODUCT, LEFT, s);
  addProduct(PRODUCT, TWISTED, t);
  addProduct(PRODUCT + TWO, LEFT, t);
  addProduct(PRODUCT + TWO, LEFT + TWO, s);
  addProduct(PRODUCT + 2 * TWO, LEFT + TWO, t);
  addProduct(PRODUCT + 2 * TWO, LEFT + 2 * TWO, s);
  settleAll(PRODUCT);
  addShifted(at, PRODUCT);
}
