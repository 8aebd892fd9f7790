import { type AbortOptions, type Clock, Semaphore } from '@codex/runtime';
import { DiscoveryError } from '../errors.ts';
import type { NodeId } from '../identity/node-id.ts';
import { Lookup, type LookupResult } from '../lookup.ts';
import type { SignedRecord } from '../record/signed-record.ts';
import type { GroupOf } from '../table/address-group.ts';
import type { RoutingTable } from '../table/routing-table.ts';
import type { DiscoveryLimits } from './limits.ts';
import type { ServiceMetrics } from './metrics.ts';
import type { NodeCaller } from './node-caller.ts';

export interface LookupsComponents {
  readonly clock: Clock;
  readonly table: RoutingTable;
  readonly caller: NodeCaller;
  readonly groupOf: GroupOf;
  readonly metrics: ServiceMetrics;
  /** Whom to ask when the table knows nobody. */
  readonly bootstrap: readonly SignedRecord[];
}

export interface RunOptions extends AbortOptions {
  readonly onNear?: ((record: SignedRecord) => void) | undefined;
}

/** Runs lookups from the table, a bounded number at a time. */
export class Lookups {
  readonly #c: LookupsComponents;
  readonly #limits: DiscoveryLimits;
  readonly #turns: Semaphore;
  /** When the last one began, on the monotonic clock. */
  lastAtMs = 0;

  constructor(components: LookupsComponents, limits: DiscoveryLimits) {
    this.#c = components;
    this.#limits = limits;
    this.#turns = new Semaphore(limits.lookupsMax);
  }

  /** Errors: REQUEST_REFUSED when too many wait, the signal's reason. */
  async run(target: NodeId, options: RunOptions = {}): Promise<LookupResult> {
    if (this.#turns.waiting >= this.#limits.lookupsWaitingMax) {
      throw new DiscoveryError('REQUEST_REFUSED', 'Too many lookups are under way', { reason: 'limit' });
    }
    return this.#turns.run(() => this.#run(target, options), options);
  }

  async #run(target: NodeId, { signal, onNear }: RunOptions): Promise<LookupResult> {
    const { clock, caller, groupOf, metrics } = this.#c;
    this.lastAtMs = clock.monotonic();
    const lookup = new Lookup(
      {
        clock,
        groupOf,
        ask: (node, distances, whileOpen) =>
          distances
            ? caller.findNode(node, distances, { signal: whileOpen })
            : caller.findNodeFast(node, target, { signal: whileOpen }),
      },
      { target, seeds: this.#seeds(target), limits: this.#limits, onNear },
    );
    const result = await lookup.run(signal);
    metrics.lookups.inc();
    metrics.lookupSeconds.observe(result.durationMs / 1000);
    return result;
  }

  /** The nearest that work; failing ones and bootstrap nodes when there are hardly any. */
  #seeds(target: NodeId): SignedRecord[] {
    const { table, bootstrap } = this.#c;
    const count = this.#limits.lookupResultsMax;
    const good = table.closest(target, count, (node) => node.served).map((node) => node.record);
    if (good.length >= this.#limits.lookupParallelMax) return good;
    return [...good, ...table.closest(target, count).map((node) => node.record), ...bootstrap];
  }
}
