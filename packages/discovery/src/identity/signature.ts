/** Order of the group of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const SCALAR_BYTES = 32;

/** Whether the s of a DER signature is n/2 at most. What is no signature is not looked at further: another check does. */
export function isLowS(signature: Uint8Array): boolean {
  const rBytes = signature[3] ?? 0;
  const s = signature.subarray(4 + rBytes + 2);
  return s.length > 0 && s.length <= SCALAR_BYTES && BigInt(`0x${Buffer.from(s).toString('hex')}`) <= ORDER / 2n;
}
