import { hash } from 'node:crypto';
import type { Curve, Identity } from '@codex/discovery';
import type { Random } from '@codex/runtime';

const KEY_PREFIX = Uint8Array.of(8, 2, 18, 33, 2);
const SIGNATURE_BYTES = 70;

const digest = (...parts: readonly Uint8Array[]) => hash('sha256', Buffer.concat(parts), 'buffer');
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const keyOf = (body: Uint8Array) => Uint8Array.from([...KEY_PREFIX, ...body]);

/**
 * Stands in for secp256k1 in handshakes: both sides agree on a secret, a signature verifies by the signer's public key
 * only, and neither hides anything. Three operations on the real curve take 1 to 3 ms of each side of a handshake, ten
 * times what all other work on a packet takes, and change nothing about who finds whom: a test holds a network on the
 * real curve against the same one on this. Everything else of a simulation is what nodes run, records with real
 * signatures included.
 */
export class SimulatedCurve implements Curve {
  /** Public keys of identities by private key; those of ephemeral keys follow from them. */
  readonly #identities = new Map<string, Uint8Array>();

  know(identity: Identity): void {
    this.#identities.set(hexOf(identity.privateKey), identity.publicKey);
  }

  generate(random: Random): { privateKey: Uint8Array; publicKey: Uint8Array } {
    const privateKey = random.bytes(32);
    return { privateKey, publicKey: keyOf(digest(privateKey)) };
  }

  sign(identity: Identity, message: Uint8Array): Uint8Array {
    return signature(identity.publicKey, message);
  }

  verify(publicKey: Uint8Array, message: Uint8Array, presented: Uint8Array): boolean {
    return Buffer.compare(signature(publicKey, message), presented) === 0;
  }

  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
    const own = this.#identities.get(hexOf(privateKey)) ?? keyOf(digest(privateKey));
    return Uint8Array.from([2, ...digest(...[own, publicKey].sort(Buffer.compare))]);
  }
}

function signature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SIGNATURE_BYTES);
  bytes.set(digest(publicKey, message));
  return bytes;
}
