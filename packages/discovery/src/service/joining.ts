import type { Clock, Logger, Random } from '@codex/runtime';
import { NODE_ID_BYTES, NodeId } from '../identity/node-id.ts';
import type { SignedRecord } from '../record/signed-record.ts';
import type { RoutingTable } from '../table/routing-table.ts';
import type { Keeper } from './keeper.ts';
import type { DiscoveryLimits } from './limits.ts';
import type { Lookups } from './lookups.ts';
import type { NodeCaller } from './node-caller.ts';

export interface JoiningComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly table: RoutingTable;
  readonly caller: NodeCaller;
  readonly lookups: Lookups;
  readonly keeper: Keeper;
  readonly localId: NodeId;
  readonly bootstrap: readonly SignedRecord[];
}

/** Finds the way into the network: through bootstrap nodes, or through nodes remembered from earlier. */
export class Joining {
  readonly #c: JoiningComponents;
  readonly #limits: DiscoveryLimits;
  #running = false;

  constructor(components: JoiningComponents, limits: DiscoveryLimits) {
    this.#c = components;
    this.#limits = limits;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Tries until somebody answers and the own id was looked up; at once over when there is nobody to try. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      await this.#run(signal);
    } finally {
      this.#running = false;
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random, lookups, localId, bootstrap, keeper } = this.#c;
    let waitMs = this.#limits.joinRetryMinMs;
    let from = 0;
    for (;;) {
      const candidates = [...bootstrap, ...keeper.remembered(from, this.#limits.joinParallelMax)];
      if (candidates.length === 0 && !this.#isKnown()) return;
      await this.#ping(candidates, signal);
      signal.throwIfAborted();
      if (this.#isKnown()) break;
      from += this.#limits.joinParallelMax;
      if (from < keeper.rememberedCount) continue;
      from = 0;
      this.#c.logger.debug('Nobody answers; trying again', { waitMs, candidates: candidates.length });
      // Up to half less, so that nodes which lost the network together do not return together.
      await clock.sleep(waitMs * (1 - random.float() / 2), { signal });
      waitMs = Math.min(2 * waitMs, this.#limits.joinRetryMaxMs);
    }
    await lookups.run(localId, { signal });
    await lookups.run(new NodeId(random.bytes(NODE_ID_BYTES)), { signal });
  }

  /** Somebody answered, or found us meanwhile. */
  #isKnown(): boolean {
    for (const node of this.#c.table.nodes()) if (node.served) return true;
    return false;
  }

  /** Over when all have answered or failed, or a moment after the first answer. */
  async #ping(nodes: readonly SignedRecord[], signal: AbortSignal): Promise<void> {
    const answered = Promise.withResolvers<void>();
    const pings = nodes.map((node) =>
      this.#c.caller.ping(node, { signal }).then(
        () => answered.resolve(),
        () => {},
      ),
    );
    await Promise.race([answered.promise, Promise.all(pings)]);
  }
}
