import type { Clock } from '@codex/runtime';
import type { ExchangeLimits } from './limits.ts';
import type { Offence } from './responder.ts';

/** Peers whose offences are remembered; the oldest are forgotten first. */
const PEERS_MAX = 4096;

/** Counts what peers do wrong; a peer that reaches a limit is to be dropped and stays out for `banMs`. */
export class Offences {
  readonly #clock: Clock;
  readonly #limits: ExchangeLimits;
  readonly #counts = new Map<string, Record<Offence, number> & { readonly since: number }>();
  readonly #bannedUntil = new Map<string, number>();

  constructor(components: { clock: Clock }, limits: ExchangeLimits) {
    this.#clock = components.clock;
    this.#limits = limits;
  }

  /** True when the peer is to be dropped. */
  count(peer: string, offence: Offence, times = 1): boolean {
    const now = this.#clock.monotonic();
    let counts = this.#counts.get(peer);
    if (!counts || now - counts.since > this.#limits.offenceWindowMs) {
      counts = { malformed: 0, wrongBlocks: 0, spuriousBlocks: 0, since: now };
    }
    counts[offence] += times;
    remember(this.#counts, peer, counts);
    if (counts[offence] < this.#limits[`${offence}Max`]) return false;
    this.#counts.delete(peer);
    remember(this.#bannedUntil, peer, now + this.#limits.banMs);
    return true;
  }

  isBanned(peer: string): boolean {
    const until = this.#bannedUntil.get(peer);
    if (until === undefined) return false;
    if (until > this.#clock.monotonic()) return true;
    this.#bannedUntil.delete(peer);
    return false;
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > PEERS_MAX) map.delete(map.keys().next().value!);
}
