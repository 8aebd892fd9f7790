import {
  decodeManifest,
  digestOf,
  equalBytes,
  type Manifest,
  type ManifestCid,
  manifestCid,
  type StoredManifest,
  sha256,
} from '@codex/content';
import { treesOf } from '../checks.ts';
import type { Quota } from '../quota.ts';
import type { BlockIndex } from './block-index.ts';
import type { Committer } from './committer.ts';
import { decodeManifestRecord, digestKey, EXPIRING, encodeManifestRecord, expiryKey, TABLE } from './records.ts';
import type { Tables } from './tables.ts';
import type { Trees } from './trees.ts';

/** Manifests listed in one go. */
const LIST_PAGE = 128;

/** The stored manifests, and through them which trees are needed. Synchronous; changes are durable with a commit. */
export class Manifests {
  readonly #tables: Tables;
  readonly #quota: Quota;
  readonly #trees: Trees;
  readonly #committer: Committer;
  readonly #index: BlockIndex;

  constructor(components: { tables: Tables; quota: Quota; trees: Trees; committer: Committer; index: BlockIndex }) {
    this.#tables = components.tables;
    this.#quota = components.quota;
    this.#trees = components.trees;
    this.#committer = components.committer;
    this.#index = components.index;
  }

  /** The bytes of a manifest; a corrupt one is missing. */
  get(digest: Uint8Array): Uint8Array | undefined {
    const record = this.#tables.get(digestKey(TABLE.manifest, digest));
    const bytes = record && decodeManifestRecord(record).bytes;
    return bytes && equalBytes(sha256(bytes), digest) ? bytes : undefined;
  }

  /** Stores a manifest or raises its expiry. Error: `QUOTA_EXCEEDED`. */
  put(
    cid: ManifestCid,
    bytes: Uint8Array,
    manifest: Manifest,
    expiry: number,
  ): { isNew: boolean; stored: StoredManifest } {
    const digest = digestOf(cid);
    const existing = this.#tables.get(digestKey(TABLE.manifest, digest));
    const before = existing && decodeManifestRecord(existing).expiry;
    const until = Math.max(before ?? 0, expiry);
    if (!existing) {
      this.#quota.take(1, bytes.length);
      this.#committer.touch(this.#index);
      for (const tree of treesOf(manifest)) {
        this.#tables.put(digestKey(TABLE.reference, digestOf(tree), digest), Buffer.of(1));
        this.#trees.reference(digestOf(tree));
      }
    }
    if (before !== until) this.#write(digest, bytes, before, until);
    return { isNew: !existing, stored: { cid, manifest, expiry: until } };
  }

  /** Deletes a manifest, and the trees that no other manifest names. */
  delete(digest: Uint8Array): boolean {
    const key = digestKey(TABLE.manifest, digest);
    const record = this.#tables.get(key);
    if (!record) return false;
    const { expiry, bytes } = decodeManifestRecord(record);
    this.#tables.delete(key);
    this.#tables.delete(expiryKey(expiry, EXPIRING.manifest, digest));
    this.#quota.give(1, bytes.length);
    this.#committer.touch(this.#index);
    for (const tree of treesOf(decodeManifest(bytes))) {
      const root = digestOf(tree);
      this.#tables.delete(digestKey(TABLE.reference, root, digest));
      if (!this.#trees.isReferenced(root)) this.#trees.drop(root);
    }
    return true;
  }

  /** Raises the expiry of one manifest. False when it is not there. */
  raise(digest: Uint8Array, expiry: number): boolean {
    const record = this.#tables.get(digestKey(TABLE.manifest, digest));
    if (!record) return false;
    const before = decodeManifestRecord(record);
    if (expiry > before.expiry) this.#write(digest, before.bytes, before.expiry, expiry);
    return true;
  }

  /** Digests of the manifests that name a tree. */
  naming(root: Uint8Array): Uint8Array[] {
    const prefix = digestKey(TABLE.reference, root);
    return [...this.#tables.entries(prefix)].map(([key]) => key.subarray(prefix.length));
  }

  *list(): Generator<StoredManifest> {
    for (const [key, record] of this.#tables.entries(TABLE.manifest, LIST_PAGE)) {
      const { expiry, bytes } = decodeManifestRecord(record);
      yield { cid: manifestCid(key.subarray(1)), manifest: decodeManifest(bytes), expiry };
    }
  }

  #write(digest: Uint8Array, bytes: Uint8Array, before: number | undefined, expiry: number): void {
    if (before !== undefined) this.#tables.delete(expiryKey(before, EXPIRING.manifest, digest));
    this.#tables.put(digestKey(TABLE.manifest, digest), encodeManifestRecord(expiry, bytes));
    if (expiry !== Number.POSITIVE_INFINITY) {
      this.#tables.put(expiryKey(expiry, EXPIRING.manifest, digest), Buffer.of(1));
    }
  }
}
