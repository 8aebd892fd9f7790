import { type DatasetRef, digestOf, treeCid } from '@codex/content';
import { StoreError } from '../errors.ts';
import { LeafBitmap } from '../leaf-bitmap.ts';
import type { DatasetHandles } from './dataset-handles.ts';
import type { Reaper } from './reaper.ts';
import {
  decodeNumbers,
  decodeTreeRecord,
  digestKey,
  encodeNumbers,
  encodeTreeRecord,
  TABLE,
  type TreeRecord,
  treeIdKey,
  WORK,
} from './records.ts';
import type { Tables } from './tables.ts';
import { loadHeld } from './tree-pages.ts';

/** Key of the next tree id, beside the counters. */
const NEXT_ID = Buffer.from('c-tree', 'latin1');

/** Which trees are stored under which ids, and which of them nobody needs any more. */
export class Trees {
  readonly #tables: Tables;
  readonly #reaper: Reaper;
  readonly #handles: DatasetHandles;

  constructor(components: { tables: Tables; reaper: Reaper; handles: DatasetHandles }) {
    this.#tables = components.tables;
    this.#reaper = components.reaper;
    this.#handles = components.handles;
  }

  get(root: Uint8Array): TreeRecord | undefined {
    const record = this.#tables.get(digestKey(TABLE.tree, root));
    return record && decodeTreeRecord(record);
  }

  /** The record of a tree. Error: `DATASET_MISMATCH` when it is stored with another number or size of blocks. */
  find(ref: DatasetRef): TreeRecord | undefined {
    const record = this.get(digestOf(ref.treeCid));
    if (record && (record.leafCount !== ref.leafCount || record.blockSize !== ref.blockSize)) {
      throw new StoreError('DATASET_MISMATCH', 'The dataset is stored with another number or size of blocks', {
        leafCount: record.leafCount,
        blockSize: record.blockSize,
      });
    }
    return record;
  }

  /** Begins a partial tree. Without a manifest it lives as long as somebody has it open. */
  create(ref: DatasetRef): TreeRecord {
    const existing = this.find(ref);
    if (existing) return existing;
    const root = digestOf(ref.treeCid);
    const record = { id: this.#nextId(), leafCount: ref.leafCount, blockSize: ref.blockSize };
    this.#tables.put(digestKey(TABLE.tree, root), encodeTreeRecord(record));
    if (!this.isReferenced(root)) this.#tables.put(digestKey(TABLE.orphan, root), Buffer.of(1));
    return record;
  }

  /** Begins an upload: if it is never adopted, its references are released after a restart. */
  beginUpload(): number {
    const id = this.#nextId();
    this.#tables.put(treeIdKey(TABLE.work, id), WORK.building);
    return id;
  }

  /** Begins an assembly: its id is kept when the store is opened again. */
  beginAssembly(): number {
    const id = this.#nextId();
    this.#tables.put(treeIdKey(TABLE.work, id), WORK.assembling);
    return id;
  }

  /** Gives up an upload. */
  dropUpload(id: number): void {
    this.#reaper.doom(id);
  }

  /** A finished upload becomes the tree of `ref`; of two ids for one tree the complete one stays. */
  adopt(ref: DatasetRef, id: number): void {
    const root = digestOf(ref.treeCid);
    const existing = this.get(root);
    const handle = this.#handles.peek(root);
    if (existing && this.#isComplete(existing, ref)) {
      this.#reaper.doom(id);
      return;
    }
    handle?.letGo();
    if (existing) this.#reaper.doom(existing.id);
    const record = { id, leafCount: ref.leafCount, blockSize: ref.blockSize };
    this.#tables.delete(treeIdKey(TABLE.work, id));
    this.#tables.put(digestKey(TABLE.tree, root), encodeTreeRecord(record));
    handle?.become(record);
  }

  /** Like `adopt`, for a tree that perhaps no manifest names: it then lives as long as somebody has it open. */
  adoptUnnamed(ref: DatasetRef, id: number): void {
    const root = digestOf(ref.treeCid);
    this.adopt(ref, id);
    if (!this.isReferenced(root)) this.#tables.put(digestKey(TABLE.orphan, root), Buffer.of(1));
  }

  isReferenced(root: Uint8Array): boolean {
    for (const _ of this.#tables.entries(digestKey(TABLE.reference, root), 1)) return true;
    return false;
  }

  /** A manifest names the tree from now on. */
  reference(root: Uint8Array): void {
    const key = digestKey(TABLE.orphan, root);
    if (this.#tables.get(key)) this.#tables.delete(key);
  }

  /** Deletes a tree that no manifest names; the blocks follow bit by bit. */
  drop(root: Uint8Array): void {
    const record = this.get(root);
    this.#handles.peek(root)?.letGo();
    this.#tables.delete(digestKey(TABLE.orphan, root));
    if (!record) return;
    this.#tables.delete(digestKey(TABLE.tree, root));
    this.#reaper.doom(record.id);
  }

  /** Deletes trees without manifests that nobody has open any more. */
  sweepOrphans(): void {
    for (const [key] of this.#tables.entries(TABLE.orphan)) {
      const root = key.subarray(1);
      if (!this.#handles.peek(root)) this.drop(root);
    }
  }

  #isComplete(record: TreeRecord, ref: DatasetRef): boolean {
    if (record.leafCount !== ref.leafCount || record.blockSize !== ref.blockSize) return false;
    return this.heldCount(treeCid(digestOf(ref.treeCid)), record) === record.leafCount;
  }

  heldCount(cid: DatasetRef['treeCid'], record: TreeRecord): number {
    const handle = this.#handles.peek(digestOf(cid));
    if (handle) return handle.heldCount;
    const bitmap = new LeafBitmap(record.leafCount);
    loadHeld(this.#tables, record.id, bitmap);
    return bitmap.count;
  }

  #nextId(): number {
    const id = decodeNumbers(this.#tables.get(NEXT_ID) ?? encodeNumbers(1))[0]!;
    this.#tables.put(NEXT_ID, encodeNumbers(id + 1));
    return id;
  }
}
