import { keccak_256 } from '@noble/hashes/sha3.js';
import { decodeBase58 } from './base58.ts';

export const NODE_ID_BYTES = 32;
const NODE_ID_BITS = 256;
/** A peer id is 39 bytes: identity multihash, then the public key protobuf (05 §1) … */
const PEER_ID_BYTES = 39;
const PEER_ID_HEAD = Uint8Array.of(0x00, 0x25, 0x08, 0x02, 0x12, 0x21);
/** … which base58 writes with 53 characters. */
const PEER_ID_MAX_CHARS = 64;

/**
 * A point of the id space: the id of a node, keccak256 of its 39 peer id bytes, or of a content, keccak256 of its binary
 * CID (05 §1). Distances are XOR.
 */
export class NodeId {
  /** Big-endian. */
  readonly bytes: Uint8Array;
  /** 64 lower-case digits: the key of maps. */
  readonly hex: string;

  /** `bytes` are 32 and are kept, not copied; anything else is a `RangeError`. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== NODE_ID_BYTES)
      throw new RangeError(`A node id has ${NODE_ID_BYTES} bytes, not ${bytes.length}`);
    this.bytes = bytes;
    this.hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  }

  static ofPeer(peerIdBytes: Uint8Array): NodeId {
    return new NodeId(keccak_256(peerIdBytes));
  }

  /** Of a peer id as text, `16Uiu2…`; undefined for what is no peer id of a secp256k1 key. */
  static ofPeerId(text: string): NodeId | undefined {
    const bytes = text.length <= PEER_ID_MAX_CHARS ? decodeBase58(text) : undefined;
    if (bytes?.length !== PEER_ID_BYTES || !PEER_ID_HEAD.every((byte, i) => bytes[i] === byte)) return undefined;
    return NodeId.ofPeer(bytes);
  }

  /** `cid` is binary. */
  static ofContent(cid: Uint8Array): NodeId {
    return new NodeId(keccak_256(cid));
  }

  equals(other: NodeId): boolean {
    return this.hex === other.hex;
  }
}

/** 256 − leading zero bits of the XOR; 0 for equal ids (05 §1). */
export function logDistance(a: NodeId, b: NodeId): number {
  for (let i = 0; i < NODE_ID_BYTES; i++) {
    const difference = (a.bytes[i] ?? 0) ^ (b.bytes[i] ?? 0);
    if (difference !== 0) return NODE_ID_BITS - 8 * i - (Math.clz32(difference) - 24);
  }
  return 0;
}

/** Below 0 when `a` is nearer to `target` than `b`, above 0 when it is farther, 0 for equal ids. */
export function compareDistance(target: NodeId, a: NodeId, b: NodeId): number {
  for (let i = 0; i < NODE_ID_BYTES; i++) {
    const t = target.bytes[i] ?? 0;
    const difference = ((a.bytes[i] ?? 0) ^ t) - ((b.bytes[i] ?? 0) ^ t);
    if (difference !== 0) return difference;
  }
  return 0;
}
