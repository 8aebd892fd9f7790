import type { OrdinaryPacket } from '../packet/packet.ts';
import { openMessage } from '../packet/packet-codec.ts';

/** Keys of 16 bytes that both sides of a handshake derived. */
export interface ContactKeys {
  readonly read: Uint8Array;
  readonly write: Uint8Array;
}

/**
 * The keys with one contact. When both sides dial at once there are two handshakes, and either side may write with the
 * keys of either: so the read key of the handshake before is kept (05 §3).
 */
export class Session {
  #keys: ContactKeys;
  #previousRead: Uint8Array | undefined;

  constructor(keys: ContactKeys, before: Session | undefined) {
    this.#keys = keys;
    if (before) this.#previousRead = before.#keys.read;
  }

  get write(): Uint8Array {
    return this.#keys.write;
  }

  /** The plaintext; undefined when neither key fits. */
  open(packet: OrdinaryPacket): Uint8Array | undefined {
    const message = openMessage(this.#keys.read, packet);
    if (message || !this.#previousRead) return message;
    const older = openMessage(this.#previousRead, packet);
    if (older) {
      const { read, write } = this.#keys;
      this.#keys = { read: this.#previousRead, write };
      this.#previousRead = read;
    }
    return older;
  }
}

/** The sessions used last, by contact. */
export class SessionCache {
  readonly #capacity: number;
  /** The least recently used first. */
  readonly #sessions = new Map<string, Session>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(key: string): Session | undefined {
    const session = this.#sessions.get(key);
    if (session) {
      this.#sessions.delete(key);
      this.#sessions.set(key, session);
    }
    return session;
  }

  /** A handshake was made. */
  put(key: string, keys: ContactKeys): Session {
    const session = new Session(keys, this.#sessions.get(key));
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= this.#capacity) break;
      this.#sessions.delete(oldest);
    }
    return session;
  }
}
