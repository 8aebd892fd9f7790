import { InlineCompute, WorkerPool } from '@codex/compute';
import { seededRandom } from '@codex/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type Curve,
  G1_BYTES,
  G2_BYTES,
  g1,
  g2,
  multiplyAndAddG1,
  multiplyAndAddG2,
  type Part,
  type Point,
  readG1,
  readG2,
  scalarField,
  writeG1,
  writeG2,
} from '../src/index.ts';
import { drawn, write } from './values.ts';

const inline = new InlineCompute();
const pool = new WorkerPool({}, { threads: 2 });
afterAll(() => pool.stop());

interface Group<F> {
  readonly name: string;
  readonly curve: Curve<F>;
  readonly bytes: number;
  readonly writePoint: (point: Point<F>) => Uint8Array;
  readonly readPoint: (bytes: Uint8Array) => Point<F>;
  readonly sum: (
    compute: InlineCompute | WorkerPool,
    part: Part,
    options?: { signal: AbortSignal },
  ) => Promise<Point<F>>;
}

function suite<F>({ name, curve, bytes, writePoint, readPoint, sum }: Group<F>): void {
  const some: Point<F>[] = drawn(3, 6, scalarField).map((scalar) => curve.multiply(curve.generator, scalar));
  /** Few points, so that equal ones, opposite ones and infinity meet. */
  const few = [undefined, curve.generator, ...some, ...some.slice(0, 3).map((point) => curve.negate(point))];
  const random = seededRandom(11);
  const pick = <T>(from: readonly T[]): T => from[random.int(from.length)]!;

  const pack = (points: readonly Point<F>[]): Uint8Array<SharedArrayBuffer> => {
    const packed = new Uint8Array(new SharedArrayBuffer(points.length * bytes));
    const written = new Map([...new Set(points)].map((point) => [point, writePoint(point)]));
    points.forEach((point, i) => {
      packed.set(written.get(point) ?? [], i * bytes);
    });
    return packed;
  };
  /** The twin, adding scalars of equal points first: there are few of them. */
  const twin = (points: readonly Point<F>[], scalars: readonly bigint[]) => {
    const totals = new Map<Point<F>, bigint>();
    points.forEach((point, i) => {
      totals.set(point, scalarField.add(totals.get(point) ?? 0n, scalars[i] ?? 0n));
    });
    return curve.multiplyAndAdd([...totals.keys()], [...totals.values()]);
  };
  const check = async (
    points: readonly Point<F>[],
    scalars: readonly bigint[],
    compute: typeof inline | typeof pool,
  ) => {
    const found = await sum(compute, { points: pack(points), scalars: write(scalars) });
    expect(found).toEqual(twin(points, scalars));
  };

  describe(`sums of points times scalars in ${name}`, () => {
    it('reads what it writes', () => {
      for (const point of few) expect(readPoint(writePoint(point))).toEqual(point);
    });

    it.each([0, 1, 2, 3, 4, 7, 32, 200])(
      '%i points with any scalars, equal and opposite ones and infinity',
      async (count) => {
        const scalars = drawn(count, count, scalarField);
        await check(
          scalars.map(() => pick(few)),
          scalars,
          inline,
        );
      },
    );

    it('scalars around 0, the modulus, and the digits of windows', async () => {
      const r = scalarField.modulus;
      const edges = [0n, 1n, 2n, r - 1n, r - 2n, r / 2n, (1n << 253n) - 1n];
      for (let bits = 1n; bits < 253n; bits++) edges.push(1n << bits, (1n << bits) - 1n, (1n << bits) + 1n);
      await check(
        edges.map(() => pick(few)),
        edges,
        inline,
      );
      for (const scalar of edges.slice(0, 12)) await check([some[0]], [scalar], inline);
    });

    it('sums that are at infinity', async () => {
      const scalars = drawn(5, 20, scalarField);
      const points = scalars.map((_, i) => some[i % 6]);
      await check([...points, ...points.map((p) => curve.negate(p))], [...scalars, ...scalars], inline);
      await check(
        points.map(() => undefined),
        scalars,
        inline,
      );
      await check(
        points,
        scalars.map(() => 0n),
        inline,
      );
    });

    it('many small scalars, as witnesses have them, and many equal points', async () => {
      const small = Array.from({ length: 3000 }, () => BigInt(pick([0, 0, 1, 1, 1, 2, 255])));
      await check(
        small.map(() => pick(few)),
        small,
        inline,
      );
      await check(
        small.map(() => some[0]),
        small.map(() => 77n),
        inline,
      );
    });

    it('more points than are sorted at a time, with digits in all windows, or in some', async () => {
      const scalars = drawn(9, 18_000, scalarField).map((scalar, i) => (i < 4096 ? scalar >> 200n : scalar));
      await check(
        scalars.map(() => pick(few)),
        scalars,
        inline,
      );
      // Buckets of the second part are those of the first, or opposite.
      const again = scalars.map((_, i) => scalars[i % 4096] ?? 0n);
      const opposite = curve.negate(some[0]);
      await check(
        again.map((_, i) => (i < 4096 || i % 2 === 0 ? some[0] : opposite)),
        again,
        inline,
      );
    });

    it('in threads, cut into jobs', async () => {
      const scalars = drawn(7, 3000, scalarField);
      await check(
        scalars.map(() => pick(few)),
        scalars,
        pool,
      );
    });

    it('refuses unlike numbers of points and scalars, and stops when told', async () => {
      for (const [points, scalars] of [
        [bytes, 64],
        [bytes + 1, 32],
        [bytes, 31],
      ] as const) {
        const part = { points: new Uint8Array(points), scalars: new Uint8Array(scalars) };
        await expect(async () => sum(inline, part)).rejects.toMatchObject({ code: 'BN254_INPUT_INVALID' });
      }
      const reason = new Error('enough');
      const part = { points: new Uint8Array(bytes), scalars: new Uint8Array(32) };
      await expect(sum(inline, part, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });
  });
}

suite({ name: 'G1', curve: g1, bytes: G1_BYTES, writePoint: writeG1, readPoint: readG1, sum: multiplyAndAddG1 });
suite({ name: 'G2', curve: g2, bytes: G2_BYTES, writePoint: writeG2, readPoint: readG2, sum: multiplyAndAddG2 });
