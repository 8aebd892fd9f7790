import type { AbortOptions, Startable } from '@codex/runtime';

/** Takes what arrives on a stream. */
export interface StreamSink {
  /** The bytes may be kept; nobody writes to them again. */
  onBytes(bytes: Uint8Array): void;
  /** Called once, when nothing more will arrive; with an error when the stream was reset. */
  onEnd(error?: Error): void;
}

/**
 * A stream of bytes in both directions. Whoever gets one must call `receive` before the next turn of the event loop:
 * some transports lose the end of a short stream otherwise.
 */
export interface PeerStream {
  readonly protocol: string;
  readonly peer: string;
  /** Names the taker of incoming bytes; once. */
  receive(sink: StreamSink): void;
  /** Stops the delivery of bytes, and the remote writer where the muxer can (yamux; not mplex). */
  pause(): void;
  resume(): void;
  /**
   * Queues bytes; the memory must not change afterwards. False: enough is queued, wait for `drained`.
   * Error: `STREAM_CLOSED`.
   */
  write(bytes: Uint8Array): boolean;
  /** Resolves when more may be written. Error: `STREAM_CLOSED`. */
  drained(options?: AbortOptions): Promise<void>;
  /** Ends the writing side after all queued bytes. */
  close(): Promise<void>;
  /** Ends both sides at once and drops what is queued. */
  abort(reason: Error): void;
}

export type StreamHandler = (peer: string, stream: PeerStream) => void;

export interface HandleOptions {
  /** Streams of the protocol that one peer may have open here at one time; one more is reset. */
  readonly inboundStreamsMax?: number;
}

/** libp2p behind a seam, so that a simulator can replace it. One connection per peer. */
export interface PeerNetwork extends Startable {
  /** Text form, e.g. `16Uiu2…`. */
  readonly peerId: string;
  /** Multiaddrs with wildcards expanded and real ports, without `/p2p`. */
  listenAddrs(): string[];
  /** Connected peers. */
  peers(): string[];
  onConnect(listener: (peer: string) => void): () => void;
  onDisconnect(listener: (peer: string) => void): () => void;
  /** Does nothing when connected already. Errors: `PEER_ID_INVALID`, `ADDRESS_INVALID`, `DIAL_FAILED`. */
  connect(peer: string, addrs: readonly string[], options?: AbortOptions): Promise<void>;
  disconnect(peer: string): Promise<void>;
  /**
   * Opens a stream with the first protocol of the list that the peer speaks. Errors: `PEER_NOT_CONNECTED`,
   * `PROTOCOL_UNSUPPORTED`, `STREAM_CLOSED`.
   */
  openStream(peer: string, protocols: readonly string[], options?: AbortOptions): Promise<PeerStream>;
  /** Serves a protocol from now on; the handler must attach its sink at once. */
  handle(protocol: string, handler: StreamHandler, options?: HandleOptions): Promise<void>;
}
