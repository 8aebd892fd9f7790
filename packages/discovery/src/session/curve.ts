import { createECDH } from 'node:crypto';
import type { Random } from '@codex/runtime';
import { DiscoveryError } from '../errors.ts';
import { type Identity, PUBLIC_KEY_PREFIX, verifySignature } from '../identity/identity.ts';
import { sharedPoint } from './shared-point.ts';

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
    const pair = createECDH('secp256k1');
    const privateKey = random.bytes(SCALAR_BYTES);
    // Throws for what is no scalar: by chance one in 2^127.
    pair.setPrivateKey(privateKey);
    const point = pair.getPublicKey(null, 'compressed');
    return { privateKey, publicKey: Uint8Array.from([...PUBLIC_KEY_PREFIX, ...point]) };
  },
  sign: (identity, message) => identity.sign(message),
  verify: verifySignature,
  agree(privateKey, publicKey) {
    try {
      if (!PUBLIC_KEY_PREFIX.every((byte, i) => publicKey[i] === byte))
        throw new RangeError('not the protobuf of such a key');
      return sharedPoint(privateKey, publicKey.subarray(PUBLIC_KEY_PREFIX.length));
    } catch (cause) {
      throw new DiscoveryError('PEER_KEY_INVALID', 'The key of a handshake is no point of the curve', {}, { cause });
    }
  },
};
