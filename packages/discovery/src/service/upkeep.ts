import type { Clock, Logger, Random } from '@codex/runtime';
import { NODE_ID_BYTES, NodeId } from '../identity/node-id.ts';
import type { ProviderTable } from '../providers/provider-table.ts';
import type { Bucket } from '../table/bucket.ts';
import type { RoutingTable } from '../table/routing-table.ts';
import type { TableNode } from '../table/table-node.ts';
import type { Joining } from './joining.ts';
import type { Keeper } from './keeper.ts';
import type { DiscoveryLimits } from './limits.ts';
import type { Lookups } from './lookups.ts';
import type { ServiceMetrics } from './metrics.ts';
import type { NodeCaller } from './node-caller.ts';

export interface UpkeepComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ServiceMetrics;
  readonly table: RoutingTable;
  readonly providers: ProviderTable;
  readonly caller: NodeCaller;
  readonly lookups: Lookups;
  readonly joining: Joining;
  readonly keeper: Keeper;
}

/** What a node does every few seconds (05 §7), on one timer. */
export class Upkeep {
  readonly #c: UpkeepComponents;
  readonly #limits: DiscoveryLimits;
  readonly #stop = new AbortController();
  readonly #refreshing = new Set<string>();
  #cancel = () => {};
  /** At first nothing is saved: the nodes are as soon as there are some, so that even a short life is remembered. */
  #savedAtMs = Number.NEGATIVE_INFINITY;

  constructor(components: UpkeepComponents, limits: DiscoveryLimits) {
    this.#c = components;
    this.#limits = limits;
  }

  start(): void {
    const { revalidateMinMs, revalidateMaxMs } = this.#limits;
    const delayMs = revalidateMinMs + this.#c.random.float() * (revalidateMaxMs - revalidateMinMs);
    this.#cancel = this.#c.clock.schedule(delayMs, () => {
      this.#tick();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
    this.#stop.abort(new DOMException('Stopped', 'AbortError'));
  }

  /** Fetches the newer record that a node says it has. */
  refresh(node: TableNode): void {
    const key = node.id.hex;
    if (this.#refreshing.has(key) || this.#refreshing.size >= this.#limits.refreshesMax) return;
    this.#refreshing.add(key);
    this.#background(this.#c.caller.ownRecord(node.record, this.#stop).finally(() => this.#refreshing.delete(key)));
  }

  #tick(): void {
    const { clock, random, table, providers, keeper, lookups, joining } = this.#c;
    const now = clock.monotonic();
    this.#revalidate();
    this.#tryCandidates();
    providers.expire(clock.now(), this.#limits.expireBatchMax);
    const alive = [...table.nodes()].filter((node) => node.served).length;
    const saveNodes = alive > 0 && now - this.#savedAtMs >= this.#limits.saveEveryMs;
    if (saveNodes) this.#savedAtMs = now;
    this.#background(keeper.save({ nodes: saveNodes }));
    this.#measure(alive);
    if (alive === 0 && !joining.running) this.#background(joining.run(this.#stop.signal));
    else if (alive > 0 && now - lookups.lastAtMs >= this.#limits.lookupEveryMs) {
      this.#background(lookups.run(new NodeId(random.bytes(NODE_ID_BYTES)), this.#stop));
    }
  }

  /** Pings the node of some bucket that was not heard of for the longest time. */
  #revalidate(): void {
    const bucket = this.#someBucket(({ nodes }) => nodes.length > 0);
    const oldest = bucket?.nodes.reduce((a, b) => (b.triedAtMs < a.triedAtMs ? b : a));
    if (oldest) this.#background(this.#c.caller.ping(oldest.record, this.#stop));
  }

  /** Pings nodes that others told of, where a place is free or about to be. */
  #tryCandidates(): void {
    const isWanted = ({ nodes }: Bucket) =>
      nodes.length < this.#limits.bucketNodesMax || nodes.some((node) => !node.served);
    const tried = new Set<TableNode>();
    for (let i = 0; i < this.#limits.candidatesPinged; i++) {
      const next = ({ waiting }: Bucket) => waiting.find((node) => !node.confirmed && !tried.has(node));
      const bucket = this.#someBucket((other) => isWanted(other) && next(other) !== undefined);
      const candidate = bucket && next(bucket);
      if (!candidate) return;
      tried.add(candidate);
      this.#background(this.#c.caller.ping(candidate.record, this.#stop));
    }
  }

  /** Any one that passes. */
  #someBucket(accept: (bucket: Bucket) => boolean): Bucket | undefined {
    const buckets = this.#c.table.buckets.filter(accept);
    return buckets.length > 0 ? buckets[this.#c.random.int(buckets.length)] : undefined;
  }

  #measure(alive: number): void {
    const { metrics, table, providers } = this.#c;
    metrics.nodes.set(table.size, { state: '' });
    metrics.nodes.set(alive, { state: 'seen' });
    metrics.buckets.set(table.buckets.length);
    metrics.providers.set(providers.size);
  }

  /** Failures are noted where they happen. */
  #background(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#c.logger.trace('Upkeep of the DHT', { error });
    });
  }
}
