import type { Logger } from '@codex/runtime';
import { isCodexError } from '@codex/runtime';
import type { PeerNetwork, PeerStream } from '../network/network.ts';
import { Peer } from './peer.ts';
import type { Requester } from './requester.ts';
import type { EngineParts } from './responder.ts';

/** A peer that speaks none of our protocols is asked again after this time: it may have been updated. */
const UNSUPPORTED_RETRY_MS = 300_000;
const REOPEN_MS = 1_000;

export interface SourcesInit {
  readonly protocols: readonly string[];
  /** Makes the requester for the protocol that was negotiated. */
  createRequester(peer: Peer, stream: PeerStream): Requester;
  onReady(peer: Peer): void;
}

/** The connected peers, each with the stream on which we ask it, opened when there is something to ask. */
export class Sources {
  readonly #network: PeerNetwork;
  readonly #parts: EngineParts;
  readonly #logger: Logger;
  readonly #init: SourcesInit;
  readonly #peers = new Map<string, Peer>();

  constructor(components: { network: PeerNetwork; parts: EngineParts }, init: SourcesInit) {
    this.#network = components.network;
    this.#parts = components.parts;
    this.#logger = components.parts.logger;
    this.#init = init;
  }

  get size(): number {
    return this.#peers.size;
  }

  all(): Peer[] {
    return [...this.#peers.values()];
  }

  get(id: string): Peer | undefined {
    return this.#peers.get(id);
  }

  joined(id: string): Peer {
    let peer = this.#peers.get(id);
    if (!peer) {
      peer = new Peer(id, this.#parts.limits);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  left(id: string): Peer | undefined {
    const peer = this.#peers.get(id);
    if (!peer) return undefined;
    this.#peers.delete(id);
    peer.connected = false;
    peer.requester?.close();
    peer.requester = undefined;
    return peer;
  }

  /** Opens what is not open yet. */
  openAll(): void {
    for (const peer of this.#peers.values()) this.#open(peer);
  }

  /** The stream of a peer ended; it is opened again, a little later. */
  lost(peer: Peer): void {
    peer.requester = undefined;
    peer.reopenAt = this.#parts.clock.monotonic() + REOPEN_MS;
  }

  #open(peer: Peer): void {
    if (peer.requester || peer.opening || peer.reopenAt > this.#parts.clock.monotonic()) return;
    peer.opening = this.#openStream(peer).finally(() => {
      peer.opening = undefined;
    });
  }

  async #openStream(peer: Peer): Promise<void> {
    try {
      const stream = await this.#network.openStream(peer.id, this.#init.protocols);
      if (!peer.connected) {
        stream.abort(new Error('the peer left'));
        return;
      }
      peer.requester = this.#init.createRequester(peer, stream);
      this.#init.onReady(peer);
    } catch (error) {
      const unsupported = isCodexError(error, 'PROTOCOL_UNSUPPORTED');
      peer.reopenAt = this.#parts.clock.monotonic() + (unsupported ? UNSUPPORTED_RETRY_MS : REOPEN_MS);
      this.#logger.debug('Cannot ask peer', { peer: peer.id, error });
    }
  }
}
