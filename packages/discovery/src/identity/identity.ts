import { createECDH, createPublicKey, verify } from 'node:crypto';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { DiscoveryError } from '../errors.ts';
import { encodeBase58 } from './base58.ts';
import { NodeId } from './node-id.ts';
import { isLowS } from './signature.ts';

const SCALAR_BYTES = 32;
const COMPRESSED_BYTES = 33;
/** libp2p PublicKey protobuf of a secp256k1 key: type 2, 33 bytes of data (05 §1). */
export const PUBLIC_KEY_PREFIX = Uint8Array.of(0x08, 0x02, 0x12, COMPRESSED_BYTES);
/** Identity multihash of the 37-byte public key protobuf. */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x25);

/** The key of a node: one secp256k1 key serves libp2p, discovery and signed records (07 §3). */
export class Identity {
  /** Raw 32-byte scalar. Never logged, never served. */
  readonly privateKey: Uint8Array;
  /** 37-byte libp2p PublicKey protobuf. */
  readonly publicKey: Uint8Array;
  /** 39 bytes. */
  readonly peerIdBytes: Uint8Array;
  /** `16Uiu2…` */
  readonly peerId: string;
  /** Where the node stands in the DHT. */
  readonly nodeId: NodeId;

  private constructor(privateKey: Uint8Array) {
    const pair = createECDH('secp256k1');
    pair.setPrivateKey(privateKey);
    const point = pair.getPublicKey();
    this.privateKey = privateKey;
    this.publicKey = Uint8Array.from([...PUBLIC_KEY_PREFIX, ...compress(point)]);
    this.peerIdBytes = peerIdBytesOf(this.publicKey);
    this.peerId = encodeBase58(this.peerIdBytes);
    this.nodeId = NodeId.ofPeer(this.peerIdBytes);
  }

  /** Error: KEY_INVALID for what is no scalar of the curve. */
  static fromPrivateKey(scalar: Uint8Array): Identity {
    try {
      if (scalar.length !== SCALAR_BYTES) throw new RangeError('wrong length');
      return new Identity(Uint8Array.from(scalar));
    } catch (cause) {
      throw new DiscoveryError('KEY_INVALID', 'The private key is no secp256k1 scalar', {}, { cause });
    }
  }

  static generate(): Identity {
    const pair = createECDH('secp256k1');
    pair.generateKeys();
    const scalar = new Uint8Array(SCALAR_BYTES);
    const key = pair.getPrivateKey();
    // node:crypto drops leading zeros.
    scalar.set(key, SCALAR_BYTES - key.length);
    return new Identity(scalar);
  }

  /** ECDSA over SHA-256, DER, low-S (05 §2), without chance (RFC 6979) as the reference signs: the same bytes every time. */
  sign(message: Uint8Array): Uint8Array {
    return secp256k1.sign(message, this.privateKey, { prehash: true, lowS: true, format: 'der' });
  }
}

/** The 39 bytes of the peer id of a 37-byte public key protobuf. */
export function peerIdBytesOf(publicKey: Uint8Array): Uint8Array {
  return Uint8Array.from([...PEER_ID_PREFIX, ...publicKey]);
}

/**
 * Checks a DER signature by a 37-byte public key protobuf; false for anything malformed, and for a high s: the reference
 * refuses it, and a record that it refuses spoils every message in which it is passed on (05 §2, §4).
 */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_PREFIX.length + COMPRESSED_BYTES) return false;
  if (!PUBLIC_KEY_PREFIX.every((byte, i) => publicKey[i] === byte)) return false;
  if (!isLowS(signature)) return false;
  try {
    const key = createPublicKey({
      key: publicKeyDer(publicKey.subarray(PUBLIC_KEY_PREFIX.length)),
      format: 'der',
      type: 'spki',
    });
    return verify('sha256', message, key, signature);
  } catch {
    return false;
  }
}

function compress(point: Uint8Array): Uint8Array {
  const odd = (point[64] ?? 0) & 1;
  return Uint8Array.from([2 + odd, ...point.subarray(1, 1 + SCALAR_BYTES)]);
}

/** SubjectPublicKeyInfo of a compressed point on the curve 1.3.132.0.10. */
function publicKeyDer(compressed: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex'), compressed]);
}
