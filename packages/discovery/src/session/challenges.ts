import type { SessionLimits } from './limits.ts';
import { isLoopback, sourceOf } from './source.ts';

/** While a challenge is younger, the contact gets no other (05 §3). */
const OUTSTANDING_MS = 500;
/** Its handshake is taken for this long, for paths with a long way. */
const VALID_MS = 1000;
/** Handshakes that may fail before the challenge goes: a forger must not be able to end it with its first. */
const ATTEMPTS = 3;

/** A WHOAREYOU that waits for its handshake. */
export interface Challenge {
  readonly ip: string;
  /** Of the packet that it answers; 12 bytes. */
  readonly nonce: Uint8Array;
  /** The WHOAREYOU as it was sent. */
  readonly bytes: Uint8Array;
  readonly challengeData: Uint8Array;
  /** Of the challenged node, if it is known; otherwise its record must come with the handshake. */
  readonly publicKey: Uint8Array | undefined;
}

interface Waiting extends Challenge {
  readonly atMs: number;
  attempts: number;
}

/** Challenges by contact, bounded by address and in all. */
export class Challenges {
  readonly #limits: Pick<SessionLimits, 'challengesMax' | 'challengesPerAddressMax'>;
  readonly #now: () => number;
  /** The oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  /** By source. */
  readonly #perAddress = new Map<string, number>();

  constructor(limits: Pick<SessionLimits, 'challengesMax' | 'challengesPerAddressMax'>, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** The challenge that stands in the way of another one to this contact. */
  outstanding(key: string): Challenge | undefined {
    const waiting = this.#waiting.get(key);
    return waiting && this.#now() - waiting.atMs < OUTSTANDING_MS ? waiting : undefined;
  }

  /** Whether the address has room for one more. */
  hasRoom(ip: string): boolean {
    this.#expire();
    return isLoopback(ip) || (this.#perAddress.get(sourceOf(ip)) ?? 0) < this.#limits.challengesPerAddressMax;
  }

  add(key: string, challenge: Challenge): void {
    this.delete(key);
    this.#waiting.set(key, { ...challenge, atMs: this.#now(), attempts: 0 });
    const source = sourceOf(challenge.ip);
    this.#perAddress.set(source, (this.#perAddress.get(source) ?? 0) + 1);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= this.#limits.challengesMax) break;
      this.delete(oldest);
    }
  }

  has(key: string): boolean {
    this.#expire();
    return this.#waiting.has(key);
  }

  /** The challenge that a handshake of the contact answers; each call is an attempt. */
  attempt(key: string): Challenge | undefined {
    const waiting = this.#waiting.get(key);
    if (waiting && ++waiting.attempts >= ATTEMPTS) this.delete(key);
    return waiting;
  }

  delete(key: string): void {
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    this.#waiting.delete(key);
    const source = sourceOf(waiting.ip);
    const left = (this.#perAddress.get(source) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(source, left);
    else this.#perAddress.delete(source);
  }

  #expire(): void {
    const now = this.#now();
    for (const [key, { atMs }] of this.#waiting) {
      if (now - atMs < VALID_MS) return;
      this.delete(key);
    }
  }
}
