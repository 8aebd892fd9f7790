import { createHash, createSecretKey, hkdfSync } from 'node:crypto';
import type { NodeId } from '../identity/node-id.ts';

const ID_PROOF = new TextEncoder().encode('discovery v5 identity proof');
const KEY_AGREEMENT = new TextEncoder().encode('discovery v5 key agreement');
/** AES-128, one key for each direction. */
const KEY_BYTES = 16;

export interface SessionKeys {
  /** What the initiator (the sender of the handshake packet) writes with and the recipient reads with; 16 bytes. */
  readonly initiatorKey: Uint8Array;
  /** The other direction. */
  readonly recipientKey: Uint8Array;
}

/**
 * What the initiator signs to prove that its id is its own. The signature is over the SHA-256 of these 32 bytes, which are
 * a digest already: the reference hashes twice (05 §3). `ephemeralKey` is the 37-byte protobuf, `to` the recipient.
 */
export function idSignatureInput(challengeData: Uint8Array, ephemeralKey: Uint8Array, to: NodeId): Uint8Array {
  return createHash('sha256').update(ID_PROOF).update(challengeData).update(ephemeralKey).update(to.bytes).digest();
}

/** The keys of a session from the shared point (33 bytes, compressed) and the challenge (63 bytes) (05 §3). */
export function deriveKeys(
  secret: Uint8Array,
  challengeData: Uint8Array,
  initiator: NodeId,
  recipient: NodeId,
): SessionKeys {
  const info = new Uint8Array([...KEY_AGREEMENT, ...initiator.bytes, ...recipient.bytes]);
  const keys = new Uint8Array(hkdfSync('sha256', createSecretKey(secret), challengeData, info, 2 * KEY_BYTES));
  return { initiatorKey: keys.subarray(0, KEY_BYTES), recipientKey: keys.subarray(KEY_BYTES) };
}
