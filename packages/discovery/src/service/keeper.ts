import type { Clock, Logger } from '@codex/runtime';
import type { ProviderTable } from '../providers/provider-table.ts';
import type { RecordReader, SignedRecord } from '../record/signed-record.ts';
import { nodeKey, readKey } from '../storage/keys.ts';
import type { DiscoveryStorage, StoredChange } from '../storage/storage.ts';
import type { RoutingTable } from '../table/routing-table.ts';

export interface KeeperComponents {
  readonly storage: DiscoveryStorage;
  readonly providers: ProviderTable;
  readonly table: RoutingTable;
  readonly records: RecordReader;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Brings providers and good nodes to the storage, and back. */
export class Keeper {
  readonly #c: KeeperComponents;
  readonly #savedNodesMax: number;
  /** Envelopes of nodes as they are stored, by id in hex, the longest not seen first. */
  readonly #nodes = new Map<string, Uint8Array>();
  /** Changes that could not be written; the next write takes them along. */
  #unwritten: StoredChange[] = [];
  #writing: Promise<void> | undefined;

  constructor(components: KeeperComponents, init: { readonly savedNodesMax: number }) {
    this.#c = components;
    this.#savedNodesMax = init.savedNodesMax;
  }

  async load(): Promise<void> {
    const { storage, providers, clock } = this.#c;
    const now = clock.now();
    for await (const page of storage.entries()) {
      for (const [key, value] of page) {
        const parsed = readKey(key);
        if (parsed?.kind === 'peer') providers.restorePeer(parsed.id, value);
        else if (parsed?.kind === 'node') this.#nodes.set(parsed.id.hex, value);
        else if (parsed?.kind === 'row') {
          const origin = new TextDecoder().decode(value);
          providers.restore(parsed.content, parsed.peer, origin, parsed.expiresAtMs, now);
        }
      }
    }
    providers.forgetIdle();
  }

  /** Nodes from earlier, `count` of them from `start` on; damaged ones are left out. */
  remembered(start: number, count: number): SignedRecord[] {
    return [...this.#nodes.values()].slice(start, start + count).flatMap((envelope) => {
      try {
        return this.#c.records.open(envelope);
      } catch {
        return [];
      }
    });
  }

  get rememberedCount(): number {
    return this.#nodes.size;
  }

  /** Writes what changed of the providers, and with `nodes` which nodes are good. A failure is logged. */
  save(options: { readonly nodes: boolean }): Promise<void> {
    const changes = [...(options.nodes ? this.#nodeChanges() : []), ...this.#c.providers.takeChanges()];
    this.#unwritten.push(...changes);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.save({ nodes: true });
    // What came while an earlier write was under way.
    await this.save({ nodes: false });
    await this.#c.storage.close();
  }

  async #write(): Promise<void> {
    const changes = this.#unwritten;
    this.#unwritten = [];
    if (changes.length === 0) return;
    try {
      await this.#c.storage.write(changes);
    } catch (error) {
      this.#unwritten = [...changes, ...this.#unwritten];
      this.#c.logger.warn('Cannot save what discovery knows', { error });
    }
  }

  /** Nodes that are gone stay while there is room: with the network away none would be left. */
  #nodeChanges(): StoredChange[] {
    const changes: StoredChange[] = [];
    let room = this.#savedNodesMax;
    for (const { served, record } of this.#c.table.nodes()) {
      if (!served || room-- <= 0) continue;
      const { hex } = record.nodeId;
      if (!isEqual(this.#nodes.get(hex), record.envelope)) changes.push([nodeKey(record.nodeId), record.envelope]);
      this.#nodes.delete(hex);
      this.#nodes.set(hex, record.envelope);
    }
    for (const hex of this.#nodes.keys()) {
      if (this.#nodes.size <= this.#savedNodesMax) break;
      this.#nodes.delete(hex);
      changes.push([nodeKey({ bytes: Buffer.from(hex, 'hex') }), undefined]);
    }
    return changes;
  }
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && (a === b || Buffer.compare(a, b) === 0);
}
