/**
 * Multiplying many symbols by one factor. A product is the sum of the products of the symbol's nibbles, and one shuffle
 * looks sixteen nibbles up in a table of sixteen bytes.
 *
 * The tables of a factor: in GF(2^8) products of the low nibble, of the high nibble. In GF(2^16) for each of the four
 * nibbles, lowest first, low bytes of the products and then high bytes.
 */

// @ts-expect-error: decorator
@inline
export const TABLE: usize = 16;

/** Bytes of the tables of one factor; T is the type of a symbol, u8 or u16. */
// @ts-expect-error: decorator
@inline
export function tablesBytes<T>(): usize {
  return sizeof<T>() == 1 ? 2 * TABLE : 8 * TABLE;
}

/**
 * Where the tables of a butterfly's factor are. In GF(2^16) those of odd factors are left out: butterflies have none
 * (02 §4), and all together are 8 MiB.
 */
// @ts-expect-error: decorator
@inline
export function tablesAt<T>(tables: usize, factor: usize): usize {
  return tables + (sizeof<T>() == 1 ? factor * tablesBytes<T>() : (factor >> 1) * tablesBytes<T>());
}

// @ts-expect-error: decorator
@inline
export function lowNibbles(bytes: v128): v128 {
  return v128.and(bytes, i8x16.splat(15));
}

// @ts-expect-error: decorator
@inline
export function highNibbles(bytes: v128): v128 {
  return v128.and(v128.shr<u16>(bytes, 4), i8x16.splat(15));
}

/** Nibbles are below 16, where the relaxed instruction does the same on every processor. */
// @ts-expect-error: decorator
@inline
export function lookUp(table: v128, nibbles: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(table, nibbles) : i8x16.swizzle(table, nibbles);
}

/** Adds what the pair of nibbles gives in the tables at `low` and `high`. */
// @ts-expect-error: decorator
@inline
export function add2(sum: v128, low: v128, lowNibble: v128, high: v128, highNibble: v128): v128 {
  return v128.xor(sum, v128.xor(lookUp(low, lowNibble), lookUp(high, highNibble)));
}

// @ts-expect-error: decorator
@inline
export function add4(sum: v128, tables: usize, n0: v128, n1: v128, n2: v128, n3: v128): v128 {
  return v128.xor(
    sum,
    v128.xor(
      v128.xor(lookUp(v128.load(tables), n0), lookUp(v128.load(tables, 32), n1)),
      v128.xor(lookUp(v128.load(tables, 64), n2), lookUp(v128.load(tables, 96), n3)),
    ),
  );
}
