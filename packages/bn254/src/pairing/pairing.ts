import { Bn254Error } from '../errors.ts';
import { MONTGOMERY, PAIR_BYTES, readPair, writePair } from '../kernel/constants.ts';
import { Kernel } from '../kernel/kernel.ts';
import type { G1Point, G2Point } from '../reference/curve.ts';
import type { Fp2 } from '../reference/extension.ts';
import { finalPower, frobenius, LOOP, mirror } from '../reference/pairing.ts';
import { CURVE_X, baseField as f } from '../reference/prime-field.ts';
import { type Fp12, fp12, signedDigits } from '../reference/tower.ts';

type Affine1 = NonNullable<G1Point>;
type Affine2 = NonNullable<G2Point>;

/** A point of G2 with the lines that its pairings need, for points that come again and again. It can be cloned: 28 KiB. */
export interface PreparedG2 {
  /** As the kernel writes them; none at infinity. */
  readonly lines: Uint8Array;
}

/** A point of G1, and one of G2 that may be prepared. */
export interface PairingInput {
  readonly g1: G1Point;
  readonly g2: G2Point | PreparedG2;
}

/** The points of lines, by their numbers: the point itself, the same mirrored, and its images at the end. 0 is a tangent. */
const STEPS = Uint8Array.from([...LOOP.flatMap((digit) => (digit === 0 ? [0] : [0, digit > 0 ? 1 : 2])), 3, 4]);
const POWER = Int8Array.from(signedDigits(CURVE_X).slice(1));

const POINT_BYTES = 4 * PAIR_BYTES;
const LINES_BYTES = STEPS.length * POINT_BYTES;
const ELEMENT_BYTES = 6 * PAIR_BYTES;

const toKernel = f.of(MONTGOMERY);
const fromKernel = f.invert(toKernel);

/** What pairings with one point of G2 have in common. `BN254_UNSUPPORTED`. */
export function preparePairing(point: G2Point): PreparedG2 {
  if (!point) return { lines: new Uint8Array(0) };
  const kernel = Kernel.ofThread();
  const at = kernel.room(LINES_BYTES + SCRATCH_BYTES);
  writeLines(kernel, at, at + LINES_BYTES, point);
  return { lines: kernel.bytes.slice(at, at + LINES_BYTES) };
}

/**
 * The product of the pairings of points of G1 with points of G2, all of which must be in their groups. Infinity gives 1. The points
 * go through the loop together. A few ms: meant for jobs. `BN254_UNSUPPORTED`, `BN254_INPUT_INVALID`.
 */
export function pairingProduct(pairs: readonly PairingInput[]): Fp12 {
  const runs: { readonly p: Affine1; readonly q: Affine2 | PreparedG2 }[] = [];
  for (const { g1: p, g2: q } of pairs) if (p && q && !('lines' in q && q.lines.length === 0)) runs.push({ p, q });
  const kernel = Kernel.ofThread();
  const lines = kernel.room(runs.length * (LINES_BYTES + 2 * PAIR_BYTES) + ELEMENT_BYTES + SCRATCH_BYTES);
  const places = lines + runs.length * LINES_BYTES;
  const element = places + runs.length * 2 * PAIR_BYTES;
  const scratch = element + ELEMENT_BYTES;
  const { bytes, view, exports } = kernel;
  runs.forEach(({ p, q }, i) => {
    const at = lines + i * LINES_BYTES;
    if ('lines' in q) {
      if (q.lines.length !== LINES_BYTES) {
        throw new Bn254Error('BN254_INPUT_INVALID', 'The lines are not those of a prepared point', { name: 'g2' });
      }
      bytes.set(q.lines, at);
    } else writeLines(kernel, at, scratch, q);
    // Lines are divided by p's y, which is never 0: the final power takes no notice of factors of the base field.
    const overY = f.invert(p.y);
    const place = places + i * 2 * PAIR_BYTES;
    writePair(view, place, f.multiply(f.negate(f.multiply(p.x, overY)), toKernel));
    writePair(view, place + PAIR_BYTES, f.multiply(overY, toKernel));
  });
  bytes.set(STEPS, scratch);
  writeElement(view, element, fp12.one);
  exports.loop(element, lines, places, runs.length, scratch, STEPS.length);
  return finalPower(readElement(view, element), (of, exponent) =>
    exponent === CURVE_X ? power(kernel, of) : fp12.powerUnitary(of, exponent),
  );
}

/** To the power of the curve's x. */
function power(kernel: Kernel, base: Fp12): Fp12 {
  const at = kernel.room(2 * ELEMENT_BYTES + POWER.length);
  const { bytes, view, exports } = kernel;
  writeElement(view, at, base);
  bytes.set(POWER, at + 2 * ELEMENT_BYTES);
  exports.power(at + ELEMENT_BYTES, at, at + 2 * ELEMENT_BYTES, POWER.length);
  return readElement(view, at + ELEMENT_BYTES);
}

/** What `writeLines` needs besides: steps, a point that moves, and four others. */
const STEPS_BYTES = Math.ceil(STEPS.length / 16) * 16;
const SCRATCH_BYTES = STEPS_BYTES + 5 * POINT_BYTES;

function writeLines({ bytes, view, exports }: Kernel, to: number, scratch: number, q: Affine2): void {
  const turned = frobenius(q);
  const points = [q, q, mirror(q), turned, mirror(frobenius(turned))];
  const point = scratch + STEPS_BYTES;
  bytes.set(STEPS, scratch);
  points.forEach(({ x, y }, i) => {
    writeFp2(view, point + i * POINT_BYTES, x);
    writeFp2(view, point + i * POINT_BYTES + 2 * PAIR_BYTES, y);
  });
  exports.lines(to, point, point + POINT_BYTES, scratch, STEPS.length);
}

/** In the first lane, and another or the same in the second one. */
function writeFp2(view: DataView, at: number, first: Fp2, second = first): void {
  writePair(view, at, settled(first.real), settled(second.real));
  writePair(view, at + PAIR_BYTES, settled(first.imaginary), settled(second.imaginary));
}

/** As the kernel holds it, from -p / 2 to p / 2. */
function settled(value: bigint): bigint {
  const element = f.multiply(value, toKernel);
  return 2n * element > f.modulus ? element - f.modulus : element;
}

const PARTS = ['c0', 'c1', 'c2'] as const;

function writeElement(view: DataView, at: number, { c0, c1 }: Fp12): void {
  PARTS.forEach((part, i) => {
    writeFp2(view, at + i * 2 * PAIR_BYTES, c0[part], c1[part]);
  });
}

function readElement(view: DataView, at: number): Fp12 {
  const parts = PARTS.map((_, i) => {
    const read = (pair: number) => readPair(view, at + (2 * i + pair) * PAIR_BYTES).map((x) => f.of(x * fromKernel));
    const [real, imaginary] = [read(0), read(1)];
    return [0, 1].map((lane) => ({ real: real[lane] ?? 0n, imaginary: imaginary[lane] ?? 0n }));
  });
  const [c0, c1] = [0, 1].map((lane) => {
    const [x, y, z] = parts.map((part) => part[lane]) as [Fp2, Fp2, Fp2];
    return { c0: x, c1: y, c2: z };
  });
  return { c0: c0!, c1: c1! };
}
