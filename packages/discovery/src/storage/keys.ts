import { NODE_ID_BYTES, NodeId } from '../identity/node-id.ts';

/**
 * What stands in the storage, format 1. Peers come first when it is read, then announcements in the order of their expiry.
 *
 * | key | value |
 * |---|---|
 * | 01 ‖ peer id (32) | envelope of the provider record |
 * | 02 ‖ expiry, ms since 1970 (8, big-endian) ‖ content id (32) ‖ peer id (32) | whom it counts against, UTF-8 |
 * | 03 ‖ node id (32) | envelope of the DHT record of a node that answered |
 *
 * Ids of peers and nodes are their ids in the DHT (05 §1).
 */
const PEER = 1;
const ROW = 2;
const NODE = 3;
const EXPIRY_BYTES = 8;

export type StorageKey =
  | { readonly kind: 'peer' | 'node'; readonly id: NodeId }
  | { readonly kind: 'row'; readonly expiresAtMs: number; readonly content: NodeId; readonly peer: NodeId };

export const peerKey = (id: Pick<NodeId, 'bytes'>): Uint8Array => Buffer.concat([Buffer.of(PEER), id.bytes]);

export const nodeKey = (id: Pick<NodeId, 'bytes'>): Uint8Array => Buffer.concat([Buffer.of(NODE), id.bytes]);

export function rowKey(expiresAtMs: number, content: NodeId, peer: NodeId): Uint8Array {
  const expiry = Buffer.alloc(EXPIRY_BYTES);
  expiry.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(expiresAtMs))));
  return Buffer.concat([Buffer.of(ROW), expiry, content.bytes, peer.bytes]);
}

/** undefined for a key of no known form. */
export function readKey(key: Uint8Array): StorageKey | undefined {
  const bytes = Buffer.from(key);
  const [kind] = bytes;
  const idAt = (offset: number) => new NodeId(Uint8Array.from(bytes.subarray(offset, offset + NODE_ID_BYTES)));
  if ((kind === PEER || kind === NODE) && bytes.length === 1 + NODE_ID_BYTES) {
    return { kind: kind === PEER ? 'peer' : 'node', id: idAt(1) };
  }
  if (kind !== ROW || bytes.length !== 1 + EXPIRY_BYTES + 2 * NODE_ID_BYTES) return undefined;
  const expiresAtMs = Number(bytes.readBigUInt64BE(1));
  return { kind: 'row', expiresAtMs, content: idAt(1 + EXPIRY_BYTES), peer: idAt(1 + EXPIRY_BYTES + NODE_ID_BYTES) };
}
