import { type Clock, raceSignal } from '@codex/runtime';
import type { NodeId } from '../identity/node-id.ts';
import type { SignedRecord } from '../record/signed-record.ts';
import type { GroupOf } from '../table/address-group.ts';
import type { DiscoveryLimits } from './limits.ts';
import type { Lookups } from './lookups.ts';
import type { NodeCaller } from './node-caller.ts';

export interface ProviderSearchComponents {
  readonly clock: Clock;
  readonly caller: NodeCaller;
  readonly lookups: Lookups;
  readonly groupOf: GroupOf;
  /** Nobody searches himself. */
  readonly ownPeerId: string;
}

export interface ProviderSearchInit {
  readonly content: NodeId;
  /** What the own store has. */
  readonly known: readonly SignedRecord[];
  readonly enough: number;
  readonly limits: DiscoveryLimits;
  readonly onFound?: ((record: SignedRecord) => void) | undefined;
}

interface Found {
  record: SignedRecord;
  /** Nodes that told of it. */
  tellers: number;
  /** Towards what is enough. */
  counted: boolean;
}

/** What the nodes of one address told of. */
interface Party {
  /** Providers that nobody had told of before. */
  fresh: number;
  /** Of them, those that count towards what is enough. */
  counted: number;
}

/**
 * Collects the providers of a content: the nodes near it are asked while the lookup finds them. It ends early with
 * enough providers, of which one address can only supply half, once some addresses were heard; those that most nodes
 * tell of come first in the result, so that the inventions of a liar come last.
 */
export class ProviderSearch {
  readonly #c: ProviderSearchComponents;
  readonly #init: ProviderSearchInit;
  readonly #found = new Map<string, Found>();
  readonly #asked = new Set<string>();
  readonly #stop = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  /** By address, or by id where addresses are not limited; those that told of a provider. */
  readonly #parties = new Map<string, Party>();
  /** Providers, each party's contribution capped. */
  #counted = 0;
  #waiting = 0;
  #walked = false;

  constructor(components: ProviderSearchComponents, init: ProviderSearchInit) {
    this.#c = components;
    this.#init = init;
  }

  /** Once. Errors: REQUEST_REFUSED when too many lookups wait, the signal's reason. */
  async run(signal?: AbortSignal): Promise<SignedRecord[]> {
    signal?.throwIfAborted();
    const cancelDeadline = this.#c.clock.schedule(this.#init.limits.searchDeadlineMs, () => this.#done.resolve());
    this.#take(this.#init.known, this.#c.ownPeerId);
    if (!this.#isEnough()) this.#walk().catch((error: unknown) => this.#done.reject(error));
    try {
      await raceSignal(this.#done.promise, signal);
    } finally {
      cancelDeadline();
      this.#stop.abort(new DOMException('The search is over', 'AbortError'));
    }
    const found = [...this.#found.values()].sort((a, b) => b.tellers - a.tellers);
    return found.map(({ record }) => record);
  }

  async #walk(): Promise<void> {
    const { content, limits } = this.#init;
    const { closest } = await this.#c.lookups.run(content, {
      signal: this.#stop.signal,
      onNear: (record) => {
        if (this.#asked.size < limits.searchAskedMax) this.#ask(record);
      },
    });
    for (const record of closest) this.#ask(record);
    this.#walked = true;
    this.#check();
  }

  #ask(node: SignedRecord): void {
    const { signal } = this.#stop;
    if (this.#asked.has(node.peerId) || signal.aborted) return;
    this.#asked.add(node.peerId);
    this.#waiting++;
    this.#c.caller
      .getProviders(node, this.#init.content, { signal })
      .then(
        (records) => this.#take(records, (node.udp && this.#c.groupOf(node.udp.ip)) ?? node.peerId),
        () => {},
      )
      .finally(() => {
        this.#waiting--;
        this.#check();
      });
  }

  /** The records of one node, which belongs to `party`. */
  #take(records: readonly SignedRecord[], party: string): void {
    const { enough, limits, onFound } = this.#init;
    const told = new Set<string>();
    const said = this.#parties.get(party) ?? { fresh: 0, counted: 0 };
    for (const record of records.slice(0, limits.searchPerAnswerMax)) {
      if (record.peerId === this.#c.ownPeerId || told.has(record.peerId)) continue;
      const known = this.#found.get(record.peerId);
      if (!known && (this.#found.size >= limits.searchFoundMax || said.fresh >= limits.searchPerAnswerMax)) continue;
      if (!known) said.fresh++;
      told.add(record.peerId);
      const found = known ?? { record, tellers: 0, counted: false };
      found.tellers++;
      if (!found.counted && said.counted < Math.ceil(enough / 2)) {
        found.counted = true;
        said.counted++;
        this.#counted++;
      }
      if (known && known.record.seq >= record.seq) continue;
      found.record = record;
      this.#found.set(record.peerId, found);
      onFound?.(record);
    }
    if (told.size > 0) this.#parties.set(party, said);
    if (this.#isEnough()) this.#done.resolve();
  }

  #isEnough(): boolean {
    const { enough, limits } = this.#init;
    return this.#counted >= enough && this.#parties.size >= limits.searchPartiesMin;
  }

  #check(): void {
    if (this.#walked && this.#waiting === 0) this.#done.resolve();
  }
}
