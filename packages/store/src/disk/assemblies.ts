import { sha256 } from '@codex/content';
import { StoreError } from '../errors.ts';
import { ASSEMBLIES_MAX, ASSEMBLY_TTL_MS } from '../limits.ts';
import type { Reaper } from './reaper.ts';
import {
  type AssemblyRecord,
  decodeAssemblyRecord,
  digestKey,
  encodeAssemblyRecord,
  TABLE,
  type TreeRecord,
} from './records.ts';
import { latin1, type Tables } from './tables.ts';
import type { Trees } from './trees.ts';

/** Which assemblies are unfinished, and which of them somebody works on. Synchronous; durable with a commit. */
export class Assemblies {
  readonly #tables: Tables;
  readonly #trees: Trees;
  readonly #reaper: Reaper;
  readonly #open = new Set<string>();

  constructor(components: { tables: Tables; trees: Trees; reaper: Reaper }) {
    this.#tables = components.tables;
    this.#trees = components.trees;
    this.#reaper = components.reaper;
  }

  /** Begins or goes on. Errors: `ASSEMBLY_BUSY`, `DATASET_MISMATCH`. */
  open(name: string, shape: { leafCount: number; blockSize: number }, nowMs: number): TreeRecord {
    const key = keyOf(name);
    if (this.#open.has(latin1(key))) {
      throw new StoreError('ASSEMBLY_BUSY', 'Somebody is working on this dataset already', { key: name });
    }
    const existing = this.#get(key);
    if (existing && (existing.leafCount !== shape.leafCount || existing.blockSize !== shape.blockSize)) {
      throw new StoreError('DATASET_MISMATCH', 'The unfinished dataset has another number or size of blocks', shape);
    }
    if (!existing) this.#makeRoom();
    const record = { id: existing?.id ?? this.#trees.beginAssembly(), ...shape, touchedMs: nowMs };
    this.#tables.put(key, encodeAssemblyRecord(record));
    this.#open.add(latin1(key));
    return record;
  }

  /** Nobody works on it any more; it is kept. */
  close(name: string, nowMs: number): void {
    const key = keyOf(name);
    const record = this.#get(key);
    if (record) this.#tables.put(key, encodeAssemblyRecord({ ...record, touchedMs: nowMs }));
    this.#open.delete(latin1(key));
  }

  /** It has become a tree. */
  ended(name: string): void {
    const key = keyOf(name);
    this.#tables.delete(key);
    this.#open.delete(latin1(key));
  }

  /** Gives it up: its references are released by the reaper. */
  drop(name: string): void {
    const record = this.#get(keyOf(name));
    this.ended(name);
    if (record) this.#reaper.doom(record.id);
  }

  /** Gives up what nobody touched for `ASSEMBLY_TTL_MS`. */
  sweep(nowMs: number): void {
    for (const { key, record } of this.#idle())
      if (record.touchedMs + ASSEMBLY_TTL_MS < nowMs) this.#forget(key, record);
  }

  #makeRoom(): void {
    const idle = this.#idle();
    if (idle.length + this.#open.size < ASSEMBLIES_MAX) return;
    const [oldest] = idle.sort((a, b) => a.record.touchedMs - b.record.touchedMs);
    if (oldest) this.#forget(oldest.key, oldest.record);
  }

  #idle(): { key: Uint8Array; record: AssemblyRecord }[] {
    const all = [...this.#tables.entries(TABLE.assembly)];
    return all
      .filter(([key]) => !this.#open.has(latin1(key)))
      .map(([key, value]) => ({ key, record: decodeAssemblyRecord(value) }));
  }

  #forget(key: Uint8Array, { id }: TreeRecord): void {
    this.#tables.delete(key);
    this.#reaper.doom(id);
  }

  #get(key: Uint8Array): AssemblyRecord | undefined {
    const record = this.#tables.get(key);
    return record && decodeAssemblyRecord(record);
  }
}

function keyOf(name: string): Uint8Array {
  return digestKey(TABLE.assembly, sha256(Buffer.from(name)));
}
