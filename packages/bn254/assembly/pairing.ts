/** The loops of pairings. Points and elements lie in both lanes alike, but elements of the tower. */
import { BASE } from './constants';
import { inverted, minus, plus, settled, squared, times } from './coordinate';
import { PAIR, settle } from './element';
import { multiply } from './products';
import { ELEMENT12, multiply12, multiplyLine, square12, TOWER_SCRATCH } from './tower';

// @ts-expect-error: decorator
@inline
const TWO: usize = 2 * PAIR;
// @ts-expect-error: decorator
@inline
const SLOPE: usize = TOWER_SCRATCH;
// @ts-expect-error: decorator
@inline
const RISE: usize = SLOPE + TWO;
// @ts-expect-error: decorator
@inline
const X: usize = RISE + TWO;
// @ts-expect-error: decorator
@inline
const CONJUGATE: usize = X + TWO;

/**
 * Writes the lines of the steps of the loop: slope and slope · x - y, of 4 pairs each. `point` moves along; it is x and y, of 2 pairs
 * each. A step is 0 for a tangent, or the number, from 1 on, of the point in `others` that a line goes through.
 */
export function lines(to: usize, point: usize, others: usize, steps: usize, count: usize): void {
  const y = point + TWO;
  for (let i: usize = 0; i < count; i++) {
    const step: usize = load<u8>(steps + i);
    const other = step ? others + (step - 1) * 2 * TWO : point;
    if (step) {
      minus<u16>(SLOPE, other, point);
      minus<u16>(RISE, other + TWO, y);
    } else {
      plus<u16>(SLOPE, y, y);
      squared<u16>(X, point);
      plus<u16>(RISE, X, X);
      plus<u16>(RISE, RISE, X);
    }
    settled<u16>(SLOPE, SLOPE);
    settled<u16>(RISE, RISE);
    inverted<u16>(SLOPE, SLOPE);
    times<u16>(SLOPE, RISE, SLOPE);
    settled<u16>(SLOPE, SLOPE);
    memory.copy(to, SLOPE, TWO);
    times<u16>(to + TWO, SLOPE, point);
    minus<u16>(to + TWO, to + TWO, y);
    settled<u16>(to + TWO, to + TWO);
    squared<u16>(X, SLOPE);
    minus<u16>(X, X, point);
    minus<u16>(X, X, other);
    settled<u16>(X, X);
    minus<u16>(RISE, point, X);
    settled<u16>(RISE, RISE);
    times<u16>(SLOPE, SLOPE, RISE);
    minus<u16>(y, SLOPE, y);
    settled<u16>(y, y);
    memory.copy(point, X, TWO);
    to += 2 * TWO;
  }
}

/**
 * Multiplies the lines of each run at its place: `places` has for each run what slopes and rests are multiplied by, a pair each;
 * `lines` the lines of one run after the other. The element is squared before tangents, the steps that are 0.
 */
export function loop(element: usize, lines: usize, places: usize, runs: usize, steps: usize, count: usize): void {
  for (let i: usize = 0; i < count; i++) {
    if (!load<u8>(steps + i)) square12(element, element);
    for (let run: usize = 0; run < runs; run++) {
      const line = lines + (run * count + i) * 2 * TWO;
      const place = places + run * TWO;
      for (let j: usize = 0; j < TWO; j += PAIR) {
        multiply(SLOPE + j, line + j, place, BASE);
        settle(SLOPE + j, SLOPE + j, BASE);
        multiply(RISE + j, line + TWO + j, place + PAIR, BASE);
        settle(RISE + j, RISE + j, BASE);
      }
      multiplyLine(element, SLOPE, RISE);
    }
  }
}

/** The power with an exponent of signed digits, the highest first, which is 1 and left out. The inverse is the conjugate. */
export function power(to: usize, base: usize, digits: usize, count: usize): void {
  for (let i: usize = 0; i < ELEMENT12; i += 16) {
    const both = v128.load(base + i);
    v128.store(to + i, both);
    v128.store(CONJUGATE + i, i64x2.shuffle(both, f64x2.neg(both), 0, 3));
  }
  for (let i: usize = 0; i < count; i++) {
    square12(to, to);
    const digit = load<i8>(digits + i);
    if (digit) multiply12(to, to, digit > 0 ? base : CONJUGATE);
  }
}
