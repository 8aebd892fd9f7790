/** Order of the group of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const SCALAR_BYTES = 32;

/**
 * DER of a 64-byte r‖s signature, with s replaced by n − s where it is above n/2: both are valid, and the reference's
 * library takes the lower only (05 §2).
 */
export function lowS(compact: Uint8Array): Uint8Array {
  const r = toInteger(compact.subarray(0, SCALAR_BYTES));
  const s = toInteger(compact.subarray(SCALAR_BYTES));
  const body = [...derInteger(r), ...derInteger(s > ORDER / 2n ? ORDER - s : s)];
  return Uint8Array.from([0x30, body.length, ...body]);
}

/** Whether the s of a DER signature is n/2 at most. What is no signature is not looked at further: another check does. */
export function isLowS(signature: Uint8Array): boolean {
  const rBytes = signature[3] ?? 0;
  const s = signature.subarray(4 + rBytes + 2);
  return s.length > 0 && s.length <= SCALAR_BYTES && toInteger(s) <= ORDER / 2n;
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function derInteger(value: bigint): number[] {
  const hex = value.toString(16);
  const bytes = [...Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')];
  // A leading one-bit would make it negative.
  if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
  return [0x02, bytes.length, ...bytes];
}
