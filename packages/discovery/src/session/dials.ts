import type { Cancel, Clock } from '@codex/runtime';
import { type Contact, contactKey } from './contact.ts';
import type { SessionLimits } from './limits.ts';

/** How long the packet that opens a session may stay unanswered before it is sent again (05 §3: the in-progress mark). */
const RESEND_MS = 500;

/** A message on its way to a contact. */
export interface Outgoing {
  readonly to: Contact;
  /** Plaintext, at most some 1.2 KB. */
  readonly bytes: Uint8Array;
  /** Whether anybody still waits for it: asked before it is sent once more. */
  readonly wanted: () => boolean;
}

interface Dial {
  readonly queue: Set<Outgoing>;
  /** Sends the opening packet again. */
  readonly resend: () => void;
  cancel: Cancel;
}

/**
 * Sessions that are being opened, and the messages that wait for them. The opening packet is repeated for as long as
 * one of them is wanted, so a dial ends with its messages at the latest.
 */
export class Dials {
  readonly #clock: Clock;
  readonly #limits: Pick<SessionLimits, 'queuedPerContactMax' | 'queuedMax'>;
  readonly #dials = new Map<string, Dial>();
  #queued = 0;

  constructor(clock: Clock, limits: Pick<SessionLimits, 'queuedPerContactMax' | 'queuedMax'>) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#queued;
  }

  has(key: string): boolean {
    return this.#dials.has(key);
  }

  /** The first message to a contact without session; `send` sends the opening packet, now and again. False: no room. */
  open(message: Outgoing, send: () => void): boolean {
    if (this.#queued >= this.#limits.queuedMax) return false;
    const key = contactKey(message.to.id, message.to.endpoint);
    const dial: Dial = { queue: new Set([message]), resend: send, cancel: () => {} };
    this.#dials.set(key, dial);
    this.#queued++;
    this.#arm(key, dial);
    send();
    return true;
  }

  /** One more message waits, once; false when there is no room. */
  queue(key: string, message: Outgoing): boolean {
    const dial = this.#dials.get(key);
    if (!dial) return false;
    if (dial.queue.has(message)) return true;
    if (dial.queue.size >= this.#limits.queuedPerContactMax || this.#queued >= this.#limits.queuedMax) return false;
    dial.queue.add(message);
    this.#queued++;
    return true;
  }

  /** The session is there: ends the dial and returns what waited, in order. */
  finish(key: string): Outgoing[] {
    const dial = this.#dials.get(key);
    if (!dial) return [];
    this.#end(key, dial);
    return [...dial.queue];
  }

  close(): void {
    for (const [key, dial] of this.#dials) this.#end(key, dial);
  }

  #arm(key: string, dial: Dial): void {
    dial.cancel = this.#clock.schedule(RESEND_MS, () => {
      for (const message of dial.queue) {
        if (message.wanted()) continue;
        dial.queue.delete(message);
        this.#queued--;
      }
      if (dial.queue.size === 0) {
        this.#end(key, dial);
        return;
      }
      this.#arm(key, dial);
      dial.resend();
    });
  }

  #end(key: string, dial: Dial): void {
    dial.cancel();
    this.#dials.delete(key);
    this.#queued -= dial.queue.size;
  }
}
