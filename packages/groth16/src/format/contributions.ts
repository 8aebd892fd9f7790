import { type G1Point, g1, g2, writeG1, writeG2 } from '@codex/bn254';

/** Of the circuit, and of what a contribution was made on. */
const HASH_BYTES = 64;

/** As much of a name is kept: other readers take no more. */
const NAME_BYTES_MAX = 64;

/** A parameter of a contribution is a kind, a length and its bytes. */
const NAME = 1;

/**
 * Section 10 of a key that no ceremony made: it is said who made it, and nothing proves anything. As snarkjs writes it: the circuit's
 * hash, the number of contributions; for each δ, three points that prove that its secret is known, a hash, a type, parameters.
 */
export function contributionsOf({ name, delta }: { readonly name: string; readonly delta: G1Point }): Uint8Array {
  const text = new TextEncoder().encode(name).subarray(0, NAME_BYTES_MAX);
  return joined([
    new Uint8Array(HASH_BYTES),
    word(1),
    writeG1(delta),
    writeG1(g1.generator),
    writeG1(g1.generator),
    writeG2(g2.generator),
    new Uint8Array(HASH_BYTES),
    word(0),
    word(2 + text.byteLength),
    Uint8Array.of(NAME, text.byteLength),
    text,
  ]);
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
