import type { SessionLimits } from './limits.ts';
import { isLoopback, sourceOf } from './source.ts';

type RateLimits = Pick<
  SessionLimits,
  | 'packetsPerSecond'
  | 'packetsBurst'
  | 'handshakesPerSecond'
  | 'handshakesBurst'
  | 'handshakesTotalPerSecond'
  | 'rateSourcesMax'
>;

interface Bucket {
  packets: number;
  handshakes: number;
  atMs: number;
}

/**
 * Token buckets for what one address can make this node do: one for packets, a tighter one for handshakes, and one for
 * handshakes of everybody. Loopback is free: whoever sends from there has the machine anyway.
 */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #now: () => number;
  /** A bucket is full again after this time without packets: then it says nothing and goes. */
  readonly #idleMs: number;
  /** The one that was used longest ago first. */
  readonly #buckets = new Map<string, Bucket>();
  readonly #total: { tokens: number; atMs: number };

  /** `now` counts milliseconds and never goes backwards. */
  constructor(limits: RateLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#idleMs =
      1000 *
      Math.max(limits.packetsBurst / limits.packetsPerSecond, limits.handshakesBurst / limits.handshakesPerSecond);
    this.#total = { tokens: limits.handshakesTotalPerSecond, atMs: now() };
  }

  /** Addresses that are watched. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether one more packet from `ip` is welcome. */
  allowPacket(ip: string): boolean {
    if (isLoopback(ip)) return true;
    const bucket = this.#bucket(sourceOf(ip));
    if (bucket.packets < 1) return false;
    bucket.packets--;
    return true;
  }

  /** Whether one more handshake of `ip` is worth its computation. */
  allowHandshake(ip: string): boolean {
    if (isLoopback(ip)) return true;
    const bucket = this.#bucket(sourceOf(ip));
    if (bucket.handshakes < 1) return false;
    const total = this.#total;
    const now = this.#now();
    const perSecond = this.#limits.handshakesTotalPerSecond;
    total.tokens = Math.min(perSecond, total.tokens + ((now - total.atMs) / 1000) * perSecond);
    total.atMs = now;
    if (total.tokens < 1) return false;
    total.tokens--;
    bucket.handshakes--;
    return true;
  }

  #bucket(source: string): Bucket {
    const { packetsPerSecond, packetsBurst, handshakesPerSecond, handshakesBurst } = this.#limits;
    const now = this.#now();
    const known = this.#buckets.get(source);
    const bucket = known ?? { packets: packetsBurst, handshakes: handshakesBurst, atMs: now };
    const seconds = (now - bucket.atMs) / 1000;
    bucket.packets = Math.min(packetsBurst, bucket.packets + seconds * packetsPerSecond);
    bucket.handshakes = Math.min(handshakesBurst, bucket.handshakes + seconds * handshakesPerSecond);
    bucket.atMs = now;
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (!known) this.#forget(now);
    return bucket;
  }

  #forget(now: number): void {
    for (const [source, { atMs }] of this.#buckets) {
      if (this.#buckets.size <= this.#limits.rateSourcesMax && now - atMs < this.#idleMs) return;
      this.#buckets.delete(source);
    }
  }
}
