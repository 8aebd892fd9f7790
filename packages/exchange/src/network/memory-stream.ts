import type { AbortOptions, Clock } from '@codex/runtime';
import { raceSignal } from '@codex/runtime';
import { ExchangeError } from '../errors.ts';
import type { MemoryLink } from './memory-network.ts';
import type { PeerStream, StreamSink } from './network.ts';

/** The line on which a node sends, shared by its streams. */
export interface Uplink {
  /** When the last queued byte leaves, monotonic ms of the hub's clock. */
  freeAt: number;
}

interface MemoryStreamInit {
  readonly clock: Clock;
  readonly link: MemoryLink;
  readonly uplink: Uplink;
  readonly peer: string;
  readonly protocol: string;
  readonly inbound: boolean;
}

/** One end of a stream between two nodes of a hub, with flow control: unread bytes stop the writer. */
export class MemoryStream implements PeerStream {
  readonly peer: string;
  readonly protocol: string;
  readonly inbound: boolean;
  /** Called when both directions are over. */
  onGone: () => void = () => {};
  readonly #clock: Clock;
  readonly #link: MemoryLink;
  #far: MemoryStream | undefined;
  #sink: StreamSink | undefined;
  #paused = false;
  #ended = false;
  #writable = true;
  /** Arrived and not taken. */
  readonly #inbox: (Uint8Array | { error: Error | undefined })[] = [];
  /** Written here and not taken there. */
  #unread = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  readonly #uplink: Uplink;
  #delivering = false;
  /** Sent and not arrived. */
  readonly #wire: (Uint8Array | { error: Error | undefined })[] = [];

  constructor(init: MemoryStreamInit) {
    this.#clock = init.clock;
    this.#link = init.link;
    this.#uplink = init.uplink;
    this.peer = init.peer;
    this.protocol = init.protocol;
    this.inbound = init.inbound;
  }

  join(far: MemoryStream): void {
    this.#far = far;
    far.#far = this;
  }

  receive(sink: StreamSink): void {
    if (this.#sink) throw new ExchangeError('STREAM_CLOSED', 'The stream is being received already');
    this.#sink = sink;
    this.#deliverLater();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliverLater();
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#writable) throw new ExchangeError('STREAM_CLOSED', 'The stream is closed');
    this.#unread += bytes.length;
    this.#send(bytes, bytes.length);
    return this.#unread < this.#link.bufferBytes;
  }

  drained(options?: AbortOptions): Promise<void> {
    if (!this.#writable) return Promise.reject(new ExchangeError('STREAM_CLOSED', 'The stream is closed'));
    if (this.#unread < this.#link.bufferBytes) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return raceSignal(this.#drained.promise, options?.signal);
  }

  async close(): Promise<void> {
    if (!this.#writable) return;
    this.#writable = false;
    this.#send({ error: undefined }, 0);
    this.#checkGone();
  }

  abort(reason: Error): void {
    const far = this.#far;
    this.lose(reason);
    if (far) setImmediate(() => far.lose(new ExchangeError('STREAM_CLOSED', 'The peer reset the stream')));
  }

  /** Ends both directions at this end, now. */
  lose(error: Error): void {
    this.#writable = false;
    this.#drained?.promise.catch(() => {});
    this.#drained?.reject(error);
    this.#drained = undefined;
    this.#inbox.length = 0;
    if (this.#ended) return;
    this.#ended = true;
    this.onGone();
    const sink = this.#sink;
    if (sink) setImmediate(() => sink.onEnd(error));
  }

  #send(item: Uint8Array | { error: Error | undefined }, length: number): void {
    const { latencyMs, bytesPerSecond } = this.#link;
    const far = this.#far;
    if (!far) return;
    if (latencyMs === 0 && bytesPerSecond === 0) {
      far.#arrive(item);
      return;
    }
    const now = this.#clock.monotonic();
    const sendMs = bytesPerSecond === 0 ? 0 : (length * 1000) / bytesPerSecond;
    this.#uplink.freeAt = Math.max(now, this.#uplink.freeAt) + sendMs;
    // Timers of nearly equal times may fire out of order: each delivers the oldest item on the wire.
    this.#wire.push(item);
    this.#clock.schedule(this.#uplink.freeAt - now + latencyMs, () => far.#arrive(this.#wire.shift() ?? item));
  }

  #arrive(item: Uint8Array | { error: Error | undefined }): void {
    if (this.#ended) return;
    this.#inbox.push(item);
    this.#deliverLater();
  }

  #deliverLater(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    setImmediate(() => {
      this.#delivering = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    while (this.#sink && !this.#paused && !this.#ended) {
      const item = this.#inbox.shift();
      if (!item) return;
      if (item instanceof Uint8Array) {
        const far = this.#far;
        if (far) far.#taken(item.length);
        this.#sink.onBytes(item);
      } else {
        this.#ended = true;
        this.#checkGone();
        this.#sink.onEnd(item.error);
      }
    }
  }

  #taken(length: number): void {
    this.#unread -= length;
    if (this.#unread < this.#link.bufferBytes) {
      this.#drained?.resolve();
      this.#drained = undefined;
    }
  }

  #checkGone(): void {
    if (this.#ended && !this.#writable) this.onGone();
  }
}
