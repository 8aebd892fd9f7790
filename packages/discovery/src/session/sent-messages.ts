import type { Outgoing } from './dials.ts';

/** For so long a WHOAREYOU can refer to a packet (05 §3). */
const RECENT_MS = 1000;

interface Sent {
  readonly key: string;
  readonly message: Outgoing;
  readonly atMs: number;
}

/** The messages of the last second by the nonce of their packet: what a WHOAREYOU refers to. */
export class SentMessages {
  readonly #capacity: number;
  readonly #now: () => number;
  /** The oldest first. */
  readonly #sent = new Map<string, Sent>();

  constructor(capacity: number, now: () => number) {
    this.#capacity = capacity;
    this.#now = now;
  }

  get size(): number {
    return this.#sent.size;
  }

  /** `key` is that of the contact. */
  add(nonce: Uint8Array, key: string, message: Outgoing): void {
    const name = nonceKey(nonce);
    this.#sent.delete(name);
    this.#sent.set(name, { key, message, atMs: this.#now() });
    this.#expire();
  }

  /** The message of the packet with this nonce; it can be taken once. */
  take(nonce: Uint8Array): { readonly key: string; readonly message: Outgoing } | undefined {
    this.#expire();
    const name = nonceKey(nonce);
    const sent = this.#sent.get(name);
    this.#sent.delete(name);
    return sent;
  }

  /** All that was sent to a contact in the last second, in order; it is forgotten here. */
  takeAll(key: string): Outgoing[] {
    this.#expire();
    const taken: Outgoing[] = [];
    for (const [name, sent] of this.#sent) {
      if (sent.key !== key) continue;
      this.#sent.delete(name);
      taken.push(sent.message);
    }
    return taken;
  }

  clear(): void {
    this.#sent.clear();
  }

  #expire(): void {
    const now = this.#now();
    for (const [name, { atMs }] of this.#sent) {
      if (this.#sent.size <= this.#capacity && now - atMs < RECENT_MS) return;
      this.#sent.delete(name);
    }
  }
}

function nonceKey(nonce: Uint8Array): string {
  return Buffer.from(nonce.buffer, nonce.byteOffset, nonce.length).toString('latin1');
}
