import { type AbortOptions, raceSignal } from '@codex/runtime';
import type { Stream } from '@libp2p/interface';
import { ExchangeError } from '../errors.ts';
import type { PeerStream, StreamSink } from './network.ts';

/** A libp2p stream as a `PeerStream`. */
export class Libp2pStream implements PeerStream {
  readonly peer: string;
  readonly #stream: Stream;
  #sink: StreamSink | undefined;
  #ended = false;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(peer: string, stream: Stream) {
    this.peer = peer;
    this.#stream = stream;
    // Somebody always listens, so that a stream that was reset before it is used is noticed.
    stream.addEventListener('close', (event) => this.#onClose(event.error));
    stream.addEventListener('drain', () => this.#settleDrain());
  }

  get protocol(): string {
    return this.#stream.protocol;
  }

  receive(sink: StreamSink): void {
    if (this.#sink) throw new ExchangeError('STREAM_CLOSED', 'The stream is being received already');
    this.#sink = sink;
    this.#stream.addEventListener('message', (event) => {
      if (this.#ended) return;
      if (event.data instanceof Uint8Array) sink.onBytes(event.data);
      else for (const piece of event.data) sink.onBytes(piece);
    });
    this.#stream.addEventListener('end', () => this.#end());
    if (this.#stream.readableEnded || this.#stream.status === 'reset' || this.#stream.status === 'aborted') this.#end();
  }

  pause(): void {
    if (this.#stream.readStatus === 'readable') this.#stream.pause();
  }

  resume(): void {
    if (this.#stream.readStatus === 'paused') this.#stream.resume();
  }

  write(bytes: Uint8Array): boolean {
    try {
      return this.#stream.send(bytes);
    } catch (error) {
      throw closed(error);
    }
  }

  drained(options?: AbortOptions): Promise<void> {
    if (this.#stream.writeStatus !== 'writable') return Promise.reject(closed());
    if (!this.#stream.writableNeedsDrain) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return raceSignal(this.#drained.promise, options?.signal);
  }

  async close(): Promise<void> {
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) });
    } catch (error) {
      this.#stream.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  abort(reason: Error): void {
    this.#stream.abort(reason);
  }

  #settleDrain(): void {
    // The muxer announces room before it has used it for its own queue: look again in the next turn.
    queueMicrotask(() => {
      if (this.#stream.writableNeedsDrain) return;
      this.#drained?.resolve();
      this.#drained = undefined;
    });
  }

  #onClose(error: Error | undefined): void {
    this.#drained?.promise.catch(() => {});
    this.#drained?.reject(closed(error));
    this.#drained = undefined;
    // What arrived before a graceful close is still delivered; the 'end' event follows it.
    if (error || this.#stream.readBufferLength === 0) this.#end(error);
  }

  #end(error?: Error): void {
    if (this.#ended || !this.#sink) return;
    this.#ended = true;
    this.#sink.onEnd(error);
  }
}

/** How long a graceful close may take before the stream is reset. */
const CLOSE_TIMEOUT_MS = 5_000;

function closed(cause?: unknown): ExchangeError {
  return new ExchangeError('STREAM_CLOSED', 'The stream is closed', {}, { cause });
}
