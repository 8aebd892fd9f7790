import { isCodexError } from '@codex/runtime';
import type { EngineParts } from '../engine/responder.ts';
import { decodeMessage } from '../message/decode.ts';
import { frameMessage } from '../message/encode.ts';
import { FrameReader } from '../message/frame-reader.ts';
import { type Message, message, type WantEntry } from '../message/message.ts';
import type { PeerStream } from '../network/network.ts';
import type { BlockexcRequester } from './blockexc-requester.ts';
import { BlockexcResponder } from './blockexc-responder.ts';

export const BLOCKEXC_PROTOCOL = '/codex/blockexc/1.0.0';

/**
 * Protocol 1.0.0 with one peer (04 §2): everything that we say leaves on one stream that we opened, and is re-opened
 * when it was lost; what the peer says may arrive on any stream, ours included. Messages are worked on one after the
 * other; a peer that sends faster is paused.
 */
export class BlockexcLink {
  readonly peer: string;
  readonly responder: BlockexcResponder;
  requester: BlockexcRequester | undefined;
  readonly #parts: EngineParts;
  readonly #openStream: () => Promise<PeerStream>;
  readonly #streams = new Set<PeerStream>();
  readonly #readers = new Map<PeerStream, FrameReader>();
  readonly #backlog: Uint8Array[] = [];
  readonly #stopped = new AbortController();
  #backlogBytes = 0;
  #working = false;
  readonly #wants: WantEntry[] = [];
  #answering = false;
  #outbound: PeerStream | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(parts: EngineParts, init: { peer: string; openStream: () => Promise<PeerStream> }) {
    this.#parts = parts;
    this.peer = init.peer;
    this.#openStream = init.openStream;
    this.responder = new BlockexcResponder(parts, { peer: init.peer, send: (parts) => this.send(parts) });
  }

  /** Reads from a stream, whoever opened it; one that we opened is used for sending too. */
  adopt(stream: PeerStream, direction: 'inbound' | 'outbound'): void {
    if (direction === 'outbound') {
      void this.#outbound?.close();
      this.#outbound = stream;
    }
    this.#streams.add(stream);
    const { limits, unfinished } = this.#parts;
    const onMessage = (bytes: Uint8Array) => this.#arrived(bytes);
    const reader = new FrameReader({ budget: unfinished, onMessage }, { messageMaxBytes: limits.messageMaxBytes });
    this.#readers.set(stream, reader);
    stream.receive({
      onBytes: (bytes) => {
        if (!this.#streams.has(stream)) return;
        this.requester?.alive(bytes.length);
        try {
          reader.push(bytes);
        } catch (error) {
          this.#malformed(error);
          this.#forget(stream);
          stream.abort(new Error('malformed message'));
        }
      },
      onEnd: () => {
        this.#forget(stream);
        // The other direction is of no use without a reader on the far side.
        void stream.close();
      },
    });
    if (this.#stopped.signal.aborted) stream.abort(new Error('closed'));
  }

  /** Sends a message, after those before it. Resolves when the stream took it and has room again. */
  send(parts: Partial<Message>): Promise<void> {
    const frame = frameMessage(message(parts));
    const sent = this.#sending.then(() => this.#write(frame));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  close(): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort(new Error('closed'));
    this.responder.close();
    this.#backlog.length = 0;
    this.#wants.length = 0;
    for (const stream of [...this.#streams]) {
      this.#forget(stream);
      stream.abort(new Error('closed'));
    }
  }

  async #write(frame: Uint8Array): Promise<void> {
    // A stream that was idle may have been reset by the peer (04 §1): one more try on a new one.
    for (let attempt = 0; ; attempt++) {
      this.#stopped.signal.throwIfAborted();
      try {
        if (!this.#outbound) this.adopt(await this.#openStream(), 'outbound');
        const stream = this.#outbound!;
        if (!stream.write(frame)) await stream.drained({ signal: this.#stopped.signal });
        return;
      } catch (error) {
        if (this.#outbound) this.#forget(this.#outbound);
        if (attempt > 0 || this.#stopped.signal.aborted) throw error;
      }
    }
  }

  #forget(stream: PeerStream): void {
    this.#streams.delete(stream);
    this.#readers.get(stream)?.close();
    this.#readers.delete(stream);
    if (this.#outbound === stream) this.#outbound = undefined;
  }

  #malformed(error: unknown): void {
    this.#parts.offend(this.peer, 'malformed', error instanceof Error ? error.message : String(error));
    // Whatever it was meant to answer is lost.
    this.requester?.giveUp();
    this.requester = undefined;
  }

  #arrived(bytes: Uint8Array): void {
    this.#backlog.push(bytes);
    this.#backlogBytes += bytes.length;
    if (this.#backlogBytes > this.#parts.limits.backlogMaxBytes) for (const stream of this.#streams) stream.pause();
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let bytes = this.#backlog.shift(); bytes; bytes = this.#backlog.shift()) {
      try {
        await this.#handle(decodeMessage(bytes));
      } catch (error) {
        this.#malformed(error);
      }
      this.#backlogBytes -= bytes.length;
      if (this.#backlogBytes <= this.#parts.limits.backlogMaxBytes / 2)
        for (const stream of this.#streams) stream.resume();
    }
    this.#working = false;
  }

  async #handle({ wantList, payload, presences }: Message): Promise<void> {
    if (payload.length > 0) {
      if (this.requester) await this.requester.delivered(payload);
      else this.#spurious(payload.length);
    }
    if (presences.length > 0) this.requester?.presences(presences);
    this.#queueWants(wantList.entries);
  }

  /**
   * Want-lists have a queue of their own: their answers wait for the peer to read, and blocks that we are waiting for
   * must not wait behind them, or two peers could wait for each other. What is over the limit is forgotten.
   */
  #queueWants(entries: readonly WantEntry[]): void {
    if (entries.length === 0 || this.#wants.length + entries.length > this.#parts.limits.wantedBlocksMax) return;
    this.#wants.push(...entries);
    if (!this.#answering) void this.#answer();
  }

  async #answer(): Promise<void> {
    this.#answering = true;
    while (this.#wants.length > 0 && !this.#stopped.signal.aborted) {
      try {
        await this.responder.wants(this.#wants.splice(0));
      } catch (error) {
        if (isCodexError(error, 'CID_INVALID')) this.#malformed(error);
        else this.#parts.logger.debug('Cannot answer a want-list', { peer: this.peer, error });
      }
    }
    this.#answering = false;
  }

  #spurious(count: number): void {
    this.#parts.metrics.spuriousBlocksReceived.inc(count);
    this.#parts.offend(this.peer, 'spuriousBlocks', 'blocks that were not asked for', count);
  }
}
