import { describe, expect, it } from 'vitest';
import { FRIENDLY, HALF, INTO_MONTGOMERY, LIMBS, MINUS_INVERSE, P } from '../kernel/numbers.ts';
import { R } from '../src/index.ts';

/**
 * The argument by which nothing overflows in the kernels, in figures: the largest values that can occur, followed through
 * the functions of kernel/rounds.ts. Absolute values; what rounding of these doubles adds is far below the room that is left.
 */
describe('bounds of the kernels', () => {
  const p = Number(R);
  const limb = Number(HALF);
  const montgomery = 2 ** 255;
  const topWeight = 2 ** 204;
  /** What the factors of the reduction add: four times the friendly multiple, and p itself at the last limb. */
  const friendly = Math.abs(Number(MINUS_INVERSE)) * p;
  const reduction = (limb * friendly * (2 ** 153 + 2 ** 103) + limb * topWeight * p) / montgomery;
  const multiply = (a: number, b: number) => (a * b) / montgomery + reduction;
  /** A column adds up ten products at most; the low part of one is up to 2^50, the high part of limbs 2^50 and 2^51 too. */
  const column = 20 * limb + 2 ** 13;
  const columnRoom = 2 ** 62;
  /** Off by what the columns below the highest hide from the quotient, and by its shift of 8 bits. */
  const folded = p / 2 + 2 ** 8 * topWeight + 1.01 * columnRoom * 2 ** 153;

  const x2 = multiply(folded, folded);
  const x4 = multiply(x2, x2);
  const x5 = multiply(x4, folded);

  function expectFoldable(value: number, columns: number, top: number): void {
    expect(columns).toBeLessThan(columnRoom);
    expect(top / 2 ** 8).toBeLessThan(2 ** 51);
    expect(value).toBeLessThan(2 ** 260);
  }

  it('constants have limbs of 50 bits and a sign', () => {
    for (const value of [...FRIENDLY, ...P, ...INTO_MONTGOMERY, MINUS_INVERSE]) {
      expect(Math.abs(Number(value))).toBeLessThanOrEqual(limb);
    }
  });

  it('what is multiplied has such limbs, so products stay below 2^102, also of doubled limbs', () => {
    for (const value of [folded, x2, x4]) expect(value / topWeight + 1).toBeLessThan(limb);
    expect(2 * limb * limb).toBeLessThanOrEqual(2 ** 102);
    expect(10 * limb + (2 * LIMBS * 2 * limb * limb) / 2 ** 51).toBeLessThanOrEqual(column);
  });

  it('external rounds can be folded', () => {
    const taken = multiply(p, p / 2) + folded;
    const element = Math.max(x5, taken);
    expectFoldable(4 * element + p / 2, 4 * (column + limb) + limb, 4 * (column + limb) + limb);
  });

  it('internal rounds can be folded four times before the others are', () => {
    let [y, z, yColumn, zColumn] = [folded, folded, limb, limb];
    for (let round = 0; round < 4; round++) {
      const sum = 2 * column + yColumn + zColumn + limb;
      expectFoldable(2 * x5 + y + z + p / 2, sum, sum);
      const [more, moreColumn] = [folded + x5, limb + column];
      [y, yColumn] = [y + more, yColumn + moreColumn];
      [z, zColumn] = [2 * z + more, 2 * zColumn + moreColumn];
    }
    expectFoldable(z, zColumn, zColumn);
    expectFoldable(y, yColumn, yColumn);
    expectFoldable(y + p / 2, yColumn, yColumn);
  });

  it('results are between -p and p, of which writing makes canonical ones', () => {
    expect(folded / montgomery + reduction).toBeLessThan(p);
  });
});
