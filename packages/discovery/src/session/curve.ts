import type { Random } from '@codex/runtime';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { DiscoveryError } from '../errors.ts';
import { type Identity, verifySignature } from '../identity/identity.ts';

/** libp2p PublicKey protobuf of a secp256k1 key: type 2, 33 bytes of data (05 §1). */
const PREFIX = Uint8Array.of(0x08, 0x02, 0x12, 33);
const SCALAR_BYTES = 32;

export interface EphemeralKey {
  /** 32-byte scalar. */
  readonly privateKey: Uint8Array;
  /** 37-byte public key protobuf. */
  readonly publicKey: Uint8Array;
}

/** The public-key operations of a handshake: a simulator of thousands of nodes puts cheap ones in their place. */
export interface Curve {
  generate(random: Random): EphemeralKey;
  /** DER over SHA-256 of `message`. */
  sign(identity: Identity, message: Uint8Array): Uint8Array;
  /** False for anything malformed. `publicKey` is a 37-byte protobuf. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** The shared point, compressed: 33 bytes. `publicKey` is a 37-byte protobuf. Error: PEER_KEY_INVALID. */
  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array;
}

export const secp256k1Curve: Curve = {
  generate(random) {
    let privateKey = random.bytes(SCALAR_BYTES);
    while (!secp256k1.utils.isValidSecretKey(privateKey)) privateKey = random.bytes(SCALAR_BYTES);
    const publicKey = new Uint8Array([...PREFIX, ...secp256k1.getPublicKey(privateKey, true)]);
    return { privateKey, publicKey };
  },
  sign: (identity, message) => identity.sign(message),
  verify: verifySignature,
  agree(privateKey, publicKey) {
    try {
      if (!PREFIX.every((byte, i) => publicKey[i] === byte)) throw new RangeError('not the protobuf of such a key');
      return secp256k1.getSharedSecret(privateKey, publicKey.subarray(PREFIX.length), true);
    } catch (cause) {
      throw new DiscoveryError('PEER_KEY_INVALID', 'The key of a handshake is no point of the curve', {}, { cause });
    }
  },
};
