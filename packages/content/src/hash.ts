import { hash } from 'node:crypto';
import { DIGEST_BYTES } from './constants.ts';

/** Which rule a node was made by; hashed as the last byte (01 §5). */
export const NODE_KEY = { inner: 0, bottom: 1, odd: 2, oddBottom: 3 } as const;
export type NodeKey = (typeof NODE_KEY)[keyof typeof NODE_KEY];

/** What stands in for a missing sibling: 32 zero bytes, not a hash of anything. */
export const ZERO_NODE: Uint8Array = new Uint8Array(DIGEST_BYTES);

/** left ‖ right ‖ key; reused, as hashing 65 bytes takes about as long as allocating them. */
const input = new Uint8Array(2 * DIGEST_BYTES + 1);

/** SHA-256 of `bytes`: a new 32-byte array. */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return hash('sha256', bytes, 'buffer') as Uint8Array<ArrayBuffer>;
}

/** SHA-256(left ‖ right ‖ key), 32 bytes. */
export function hashPair(left: Uint8Array, right: Uint8Array, key: NodeKey): Uint8Array<ArrayBuffer> {
  input.set(left, 0);
  input.set(right, DIGEST_BYTES);
  input[2 * DIGEST_BYTES] = key;
  return sha256(input);
}

/** Writes the parents of the complete pairs in `nodes` (2n × 32 bytes) to `target` at `offset` (n × 32 bytes). */
export function hashPairs(nodes: Uint8Array, target: Uint8Array, offset: number, key: NodeKey): void {
  const pairs = Math.floor(nodes.length / (2 * DIGEST_BYTES));
  input[2 * DIGEST_BYTES] = key;
  for (let i = 0; i < pairs; i++) {
    input.set(nodes.subarray(i * 64, i * 64 + 64), 0);
    target.set(sha256(input), offset + i * DIGEST_BYTES);
  }
}

/** The parent of the lone right-most node of a layer. */
export function hashLone(node: Uint8Array, bottom: boolean): Uint8Array<ArrayBuffer> {
  return hashPair(node, ZERO_NODE, bottom ? NODE_KEY.oddBottom : NODE_KEY.odd);
}
