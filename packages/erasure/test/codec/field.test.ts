import { describe, expect, it } from 'vitest';
import { type Field, fieldOf, multiply, multiplyExp, skewOf } from '../../src/codec/field.ts';
import { locate } from '../../src/codec/locator.ts';
import { createCodec } from '../../src/index.ts';
import { encode } from './shapes.ts';

describe('the fields (02 §4)', () => {
  it('have these logarithms', () => {
    const small = fieldOf(8);
    expect([...small.log.subarray(0, 16)]).toEqual([
      255, 0, 85, 170, 17, 68, 34, 136, 153, 119, 102, 221, 51, 238, 187, 204,
    ]);
    expect([...small.exp.subarray(0, 8)]).toEqual([1, 104, 92, 100, 114, 240, 86, 18]);
    const large = fieldOf(16);
    expect([...large.log.subarray(0, 6)]).toEqual([65535, 0, 21845, 43690, 17476, 4369]);
    expect([...large.exp.subarray(0, 4)]).toEqual([1, 18064, 26072, 25296]);
  });

  it('are written in a Cantor basis: β² + β is the element before β', () => {
    for (const bits of [8, 16] as const) {
      const field = fieldOf(bits);
      for (let i = 0; i < bits; i++) {
        const element = 1 << i;
        expect(multiply(field, element, element) ^ element).toBe(element >> 1);
      }
    }
  });

  it('multiply without order, and bit by bit', () => {
    for (const bits of [8, 16] as const) {
      const field = fieldOf(bits);
      for (let x = 1; x < field.order; x = 3 * x + 1) {
        for (let y = 1; y < field.order; y = 2 * y + 5) {
          expect(multiply(field, x, y)).toBe(multiply(field, y, x));
          expect(multiply(field, x, y) ^ multiply(field, x, 1)).toBe(multiply(field, x, y ^ 1));
        }
        expect(multiply(field, x, 0)).toBe(0);
        expect(multiplyExp(field, x, field.modulus - field.log[x]!)).toBe(1);
      }
    }
  });

  it('have these factors of butterflies', () => {
    const { log } = fieldOf(8);
    const skews = Array.from({ length: 255 }, (_, t) => {
      const half = (t + 1) & -(t + 1);
      return log[skewOf(t + 1 - half, half)];
    });
    expect(skews.slice(0, 16)).toEqual([255, 255, 85, 255, 17, 85, 34, 255, 153, 17, 102, 85, 51, 34, 187, 255]);
    expect(skews[191]).toBe(85);
  });
});

/** The locator as it is defined: a product over all erased points. */
function slowly({ log, modulus }: Field, erased: readonly number[], point: number): number {
  return erased.reduce((sum, other) => (other === point ? sum : (sum + log[point ^ other]!) % modulus), 0);
}

describe('the error locator', () => {
  it('is the product of the distances to the erased points', () => {
    for (const [bits, points] of [
      [8, 4],
      [8, 64],
      [8, 256],
      [16, 512],
      [16, 2048],
    ] as const) {
      const field = fieldOf(bits);
      const erased = Array.from({ length: points }, (_, i) => i).filter((i) => (i * i + 3 * i) % 7 < 2);
      const logs = new Int32Array(points);
      for (const i of erased) logs[i] = 1;
      locate(field, logs);
      for (let i = 0; i < points; i += Math.ceil(points / 100)) {
        expect(logs[i]! % field.modulus).toBe(slowly(field, erased, i));
      }
    }
  });
});

describe('the code is linear (02 §5)', () => {
  it.each([
    [
      [3, 2],
      [2, 3],
    ],
    [
      [3, 2, 5],
      [2, 3, 4],
    ],
    [
      [3, 2, 5, 4],
      [2, 3, 4, 5],
    ],
    [
      [13, 14, 11, 9, 14],
      [14, 13, 9, 11, 11],
      [11, 9, 13, 14, 13],
    ],
  ])('with the generator matrix %j %j', (...matrix) => {
    const rows = matrix.filter((row) => row !== undefined);
    const codec = createCodec({ data: rows[0]!.length, parity: rows.length });
    const field = fieldOf(8);
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const data = rows[0]!.map((_, i) => bytes.map((byte) => byte ^ (37 * i)));
    const expected = rows.map((row) =>
      bytes.map((_, at) => row.reduce((sum, factor, i) => sum ^ multiply(field, factor, data[i]![at]!), 0)),
    );
    expect(encode(codec, data)).toEqual(expected);
  });

  it('so that unit vectors give the matrix of any code', () => {
    const [data, parity] = [20, 10];
    const codec = createCodec({ data, parity });
    const field = fieldOf(8);
    const unit = (at: number) => Array.from({ length: data }, (_, i) => new Uint8Array(64).fill(i === at ? 1 : 0));
    const columns = Array.from({ length: data }, (_, i) => encode(codec, unit(i)).map((shard) => shard[0]!));
    const shards = Array.from({ length: data }, (_, i) => Uint8Array.from({ length: 64 }, (_, at) => 11 * i + 3 * at));
    const made = encode(codec, shards);
    for (let j = 0; j < parity; j++) {
      const sum = shards[0]!.map((_, at) =>
        columns.reduce((total, column, i) => total ^ multiply(field, column[j]!, shards[i]![at]!), 0),
      );
      expect(made[j]).toEqual(sum);
    }
  });
});
