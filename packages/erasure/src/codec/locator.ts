import type { Field } from './field.ts';
import { powerOfTwo } from './params.ts';

/**
 * Logarithms of the error locator (02 §5): for a point that is there, of the product of its distances to all erased
 * points; for an erased point, of the product of its distances to the other erased points.
 *
 * A sum over all erased points of LOG[i ^ k] is a convolution under XOR, so it becomes a product under the Walsh–Hadamard
 * transform. `points` points are closed under XOR: the transform need not be longer than that, whatever the field.
 *
 * @param erased one entry for each point, 1 where it is erased; overwritten with the logarithms (mod Q)
 */
export function locate(field: Field, erased: Int32Array): void {
  const { modulus } = field;
  const points = erased.length;
  const kernel = kernelOf(field, points);
  transform(erased, modulus);
  for (let i = 0; i < points; i++) {
    // Not `imul`: products of two 16-bit residues go beyond 31 bits.
    erased[i] = (erased[i]! * kernel[i]!) % modulus;
  }
  transform(erased, modulus);
}

const kernels = new Map<string, Int32Array>();

/** The transform of LOG over `points` points, divided by their number, as two transforms multiply by it. */
function kernelOf({ bits, modulus, log }: Field, points: number): Int32Array {
  const key = `${bits}/${points}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    kernel = Int32Array.from(log.subarray(0, points));
    kernel[0] = 0;
    transform(kernel, modulus);
    // q = 1 (mod Q), so 1/points = q/points.
    const inverse = (modulus + 1) / powerOfTwo(points);
    for (let i = 0; i < points; i++) kernel[i] = (kernel[i]! * inverse) % modulus;
    kernels.set(key, kernel);
  }
  return kernel;
}

/** Walsh–Hadamard transform in place, mod Q, not scaled. */
function transform(values: Int32Array, modulus: number): void {
  for (let half = 1; half < values.length; half *= 2) {
    for (let group = 0; group < values.length; group += 2 * half) {
      for (let i = group; i < group + half; i++) {
        const a = values[i]!;
        const b = values[i + half]!;
        const sum = a + b;
        const difference = a - b;
        values[i] = sum >= modulus ? sum - modulus : sum;
        values[i + half] = difference < 0 ? difference + modulus : difference;
      }
    }
  }
}
