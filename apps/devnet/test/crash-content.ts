import { createCipheriv, createHash } from 'node:crypto';
import type { Random } from '@codex/runtime';

export const BLOCK_BYTES = 65_536;
/** Blocks that several datasets have, so that deleting one could harm another. */
const SHARED_BLOCKS = 48;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Random bytes that are the same for the same seed, made as fast as a disk takes them. */
function noise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** A file to store, and what a node that stores it must have afterwards. */
export class Content {
  readonly sha256: string;
  readonly length: number;
  /** Digests of its blocks, the last one padded with zeros (01 §4). */
  readonly blocks: ReadonlySet<string>;
  /** Bytes of the manifest of a file without name and type (01 §7). */
  readonly manifestBytes: number;

  private constructor(bytes: Buffer) {
    this.sha256 = sha256(bytes);
    this.length = bytes.length;
    const blocks = new Set<string>();
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const block = bytes.subarray(at, at + BLOCK_BYTES);
      blocks.add(sha256(block.length === BLOCK_BYTES ? block : Buffer.concat([block], BLOCK_BYTES)));
    }
    this.blocks = blocks;
    const varintBytes = Math.ceil((Math.floor(Math.log2(bytes.length)) + 1) / 7);
    this.manifestBytes = 55 + varintBytes;
  }

  /** `length` bytes; every third block or so is one that other contents have too. */
  static make(random: Random, length: number): { content: Content; bytes: Buffer } {
    const bytes = noise(`content ${random.int(2 ** 32)}`, length);
    for (let at = 0; at < length; at += BLOCK_BYTES) {
      if (random.int(3) === 0) noise(`shared ${random.int(SHARED_BLOCKS)}`, BLOCK_BYTES).copy(bytes, at);
    }
    return { content: new Content(bytes), bytes };
  }
}

/** A length of 1 byte to `maxBytes`, every order of magnitude as likely as another. */
export function anyLength(random: Random, maxBytes: number): number {
  return Math.max(1, Math.floor(maxBytes ** random.float()));
}

/** What `/space` must say of a node that holds these and nothing else (01 §4: every block counts as a full one). */
export function spaceOf(contents: Iterable<Content>): { totalBlocks: number; quotaUsedBytes: number } {
  const blocks = new Set<string>();
  let manifests = 0;
  let manifestBytes = 0;
  for (const content of contents) {
    for (const block of content.blocks) blocks.add(block);
    manifests++;
    manifestBytes += content.manifestBytes;
  }
  return { totalBlocks: blocks.size + manifests, quotaUsedBytes: blocks.size * BLOCK_BYTES + manifestBytes };
}
