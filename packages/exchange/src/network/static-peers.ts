import {
  type Cancel,
  type Clock,
  type Logger,
  type Random,
  type Startable,
  silentLogger,
  systemClock,
  systemRandom,
} from '@codex/runtime';
import type { PeerNetwork } from './network.ts';

/** A peer to keep connected. */
export interface StaticPeer {
  readonly peer: string;
  readonly addrs: readonly string[];
}

const FIRST_RETRY_MS = 1_000;
/** A peer that was down for hours is tried again within this time. */
const RETRY_MAX_MS = 60_000;
const DIAL_TIMEOUT_MS = 15_000;

/** Keeps named peers connected: dials them at start and after each loss, waiting twice as long after each failure. */
export class StaticPeers implements Startable {
  readonly #network: PeerNetwork;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #peers = new Map<string, { addrs: readonly string[]; delayMs: number; cancel?: Cancel }>();
  readonly #stopped = new AbortController();
  #unsubscribe: (() => void) | undefined;

  constructor(
    components: { network: PeerNetwork; clock?: Clock; random?: Random; logger?: Logger },
    init: { peers: readonly StaticPeer[] },
  ) {
    this.#network = components.network;
    this.#clock = components.clock ?? systemClock;
    this.#random = components.random ?? systemRandom;
    this.#logger = components.logger ?? silentLogger;
    for (const { peer, addrs } of init.peers) {
      if (peer !== this.#network.peerId) this.#peers.set(peer, { addrs, delayMs: FIRST_RETRY_MS });
    }
  }

  start(): void {
    this.#unsubscribe = this.#network.onDisconnect((peer) => {
      if (this.#peers.has(peer)) this.#retryLater(peer);
    });
    for (const peer of this.#peers.keys()) void this.#dial(peer);
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#stopped.abort(new Error('stopped'));
    for (const entry of this.#peers.values()) entry.cancel?.();
  }

  async #dial(peer: string): Promise<void> {
    const entry = this.#peers.get(peer);
    if (!entry || this.#stopped.signal.aborted) return;
    try {
      const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
      await this.#network.connect(peer, entry.addrs, { signal });
      entry.delayMs = FIRST_RETRY_MS;
    } catch (error) {
      this.#logger.debug('Static peer cannot be reached', { peer, error });
      this.#retryLater(peer);
    }
  }

  #retryLater(peer: string): void {
    const entry = this.#peers.get(peer);
    if (!entry || this.#stopped.signal.aborted) return;
    entry.cancel?.();
    // A random part keeps nodes that lost the same peer from dialling it in step.
    const delay = entry.delayMs * (0.75 + this.#random.float() / 2);
    entry.delayMs = Math.min(RETRY_MAX_MS, entry.delayMs * 2);
    entry.cancel = this.#clock.schedule(delay, () => void this.#dial(peer));
  }
}
