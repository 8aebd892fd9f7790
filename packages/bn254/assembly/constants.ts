/**
 * What the host writes into memory before the first call: numbers of 16 bytes, the same in both lanes. V8 builds a constant
 * of a vector anew at every use; a load folds into the instruction.
 */

// @ts-expect-error: decorator
@inline
const COMMON: usize = 1024;
/** The common numbers: 7, and three times 10 that the columns of products begin with (see build/products.ts). */
// @ts-expect-error: decorator
@inline
const COMMON_BYTES: usize = 37 * 16;
// @ts-expect-error: decorator
@inline
const FIELD_BYTES: usize = 44 * 16;

/** The base field, of the coordinates. */
// @ts-expect-error: decorator
@inline
export const BASE: usize = COMMON + COMMON_BYTES;
/** The scalar field, of the transforms. */
// @ts-expect-error: decorator
@inline
export const SCALAR: usize = BASE + FIELD_BYTES;

/** 1.5 · 2^103: added to a product, it rounds it to a multiple of 2^51. */
// @ts-expect-error: decorator
@inline
export function roundUp(): v128 {
  return v128.load(COMMON);
}

/** 1.5 · 2^103 + 1.5 · 2^52. */
// @ts-expect-error: decorator
@inline
export function roundDown(): v128 {
  return v128.load(COMMON, 16);
}

/** The low 51 bits, of an integer. */
// @ts-expect-error: decorator
@inline
export function lowBits(): v128 {
  return v128.load(COMMON, 32);
}

/** The bits of 2^52: or-ed to an integer of 51 bits they make a number of it. */
// @ts-expect-error: decorator
@inline
export function numberBits(): v128 {
  return v128.load(COMMON, 48);
}

/** 2^52 + 2^50, as a number. */
// @ts-expect-error: decorator
@inline
export function middle(): v128 {
  return v128.load(COMMON, 64);
}

/** 1.5 · 2^52, as a number; its bits, as an integer. */
// @ts-expect-error: decorator
@inline
export function integral(): v128 {
  return v128.load(COMMON, 80);
}

/** 2^-51. */
// @ts-expect-error: decorator
@inline
export function limbDown(): v128 {
  return v128.load(COMMON, 96);
}

/** Limb `i` of the modulus, from -2^50 to 2^50. */
// @ts-expect-error: decorator
@inline
export function modulus(field: usize, i: usize): v128 {
  return v128.load(field + i * 16);
}

/** -1 / modulus, modulo 2^51. */
// @ts-expect-error: decorator
@inline
export function negativeInverse(field: usize): v128 {
  return v128.load(field, 80);
}

/** 2^204 / modulus. */
// @ts-expect-error: decorator
@inline
export function reciprocal(field: usize): v128 {
  return v128.load(field, 96);
}

/** Limb `i` of the modulus as an integer from 0 to 2^51. */
// @ts-expect-error: decorator
@inline
export function modulusBits(field: usize, i: usize): i64 {
  return load<i64>(field + 112 + i * 8);
}

/** Digit `i`, of 4 bits, of modulus - 2; the highest is digit 63. */
// @ts-expect-error: decorator
@inline
export function inverseDigit(field: usize, i: usize): usize {
  return load<u8>(field + 320 + i);
}

/** An address of 1, in Montgomery form. */
// @ts-expect-error: decorator
@inline
export function oneAt(field: usize): usize {
  return field + 160;
}

/** What turns R = 2^256 into ours: 2^254. An address. */
// @ts-expect-error: decorator
@inline
export function fromOutsideAt(field: usize): usize {
  return field + 240;
}

/** Space for intermediate results, behind the fields' numbers. */
// @ts-expect-error: decorator
@inline
export const SCRATCH: usize = SCALAR + FIELD_BYTES;
