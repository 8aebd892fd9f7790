import {
  type AbortOptions,
  type Clock,
  type Logger,
  type MetricsRegistry,
  noMetrics,
  type Random,
  type Startable,
  silentLogger,
} from '@codex/runtime';
import type { DatagramNetwork, DatagramSocket, Endpoint } from '../datagram/datagram.ts';
import { DiscoveryError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { NodeId } from '../identity/node-id.ts';
import { RecordReader, type SignedRecord } from '../record/signed-record.ts';
import { type Contact, contactKey } from '../session/contact.ts';
import { type Curve, secp256k1Curve } from '../session/curve.ts';
import type { Outgoing } from '../session/dials.ts';
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from '../session/limits.ts';
import { discoveryMetrics, type WireMetrics } from '../session/metrics.ts';
import { Sessions } from '../session/sessions.ts';
import { Answer, splitAnswer } from './answer.ts';
import { type Message, type Notice, REQUEST_ID_MAX_BYTES, type Request, type Response } from './message.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';

/** How long an answer, or each packet of it, may take (05 §5). */
const RESPONSE_TIMEOUT_MS = 1000;
/** A lost request or answer is asked for once more. */
const RETRIES = 1;
/** How long a notice waits for a handshake: as long as a request is tried. */
const NOTICE_LIFE_MS = RESPONSE_TIMEOUT_MS * (1 + RETRIES);

export interface MessengerLimits extends SessionLimits {
  /** Requests that wait for an answer, some 1 KB each: a dozen lookups at once. */
  readonly requestsMax: number;
  /** Requests that wait for an answer of one contact: what a node needs at the same time from one other. */
  readonly requestsPerContactMax: number;
}

const DEFAULT_LIMITS: MessengerLimits = { ...DEFAULT_SESSION_LIMITS, requestsMax: 512, requestsPerContactMax: 16 };

export interface MessengerComponents {
  readonly identity: Identity;
  readonly datagrams: DatagramNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly curve?: Curve | undefined;
  /** Shared by the nodes of a simulation. */
  readonly records?: RecordReader | undefined;
  readonly logger?: Logger | undefined;
  readonly metrics?: MetricsRegistry | undefined;
  /** The node's own record as it is now. */
  localRecord(): SignedRecord;
  /** What is known of another node: its key for handshakes, its sequence number for challenges. */
  knownRecord(id: NodeId): SignedRecord | undefined;
}

/** What the other side asks and tells. The sender has proved that it owns the id and receives at the endpoint. */
export interface MessageHandlers {
  /** The answer; a list may be of any length, `total` is set here. Undefined: no answer. */
  onRequest(from: Contact, request: Request): Response | undefined;
  onNotice(from: Contact, notice: Notice): void;
  /**
   * Another node made a handshake with this one; the message within it was handled before. `record` is what it sent, if
   * it did; `trusted` says that its UDP address is the one that the node proved to receive at (05 §3 "Sessions").
   */
  onContact(from: Contact, record: SignedRecord | undefined, trusted: boolean): void;
}

export interface RequestOptions extends AbortOptions {
  /** Of each try, and of each further packet of an answer; 1000 by default. */
  readonly timeoutMs?: number | undefined;
  /** Further tries when nothing came; 1 by default. */
  readonly retries?: number | undefined;
}

interface Pending {
  readonly contact: string;
  readonly answer: Answer;
  /** An answer, or a part of one, came. */
  arrived(response: Response): void;
  fail(error: unknown): void;
}

/** Requests, answers and notices between contacts: what lookups and the table are built on. */
export class Messenger implements Startable {
  readonly #c: MessengerComponents;
  readonly #listen: Endpoint;
  readonly #limits: MessengerLimits;
  readonly #records: RecordReader;
  readonly #logger: Logger;
  readonly #metrics: WireMetrics;
  #handlers: MessageHandlers | undefined;
  #socket: DatagramSocket | undefined;
  #sessions: Sessions | undefined;
  #stopped = false;
  /** By request id in hex. */
  readonly #pending = new Map<string, Pending>();
  /** Requests under way by contact. */
  readonly #perContact = new Map<string, number>();

  constructor(
    components: MessengerComponents,
    init: { readonly listen: Endpoint; readonly limits?: Partial<MessengerLimits> | undefined },
  ) {
    this.#c = components;
    this.#listen = init.listen;
    this.#limits = { ...DEFAULT_LIMITS, ...init.limits };
    this.#records = components.records ?? new RecordReader();
    this.#logger = components.logger ?? silentLogger;
    this.#metrics = discoveryMetrics(components.metrics ?? noMetrics);
  }

  /** Sets who answers. Without anybody, requests stay unanswered. */
  serve(handlers: MessageHandlers): void {
    this.#handlers = handlers;
  }

  /** Where the socket is bound; undefined before the start and after the stop. */
  get local(): Endpoint | undefined {
    return this.#socket?.local;
  }

  /** Error: BIND_FAILED. */
  async start(): Promise<void> {
    const socket = await this.#c.datagrams.bind(this.#listen);
    if (this.#stopped) {
      await socket.close();
      throw stopped();
    }
    const { identity, clock, random } = this.#c;
    const sessions = new Sessions(
      {
        identity,
        clock,
        random,
        curve: this.#c.curve ?? secp256k1Curve,
        records: this.#records,
        metrics: this.#metrics,
        send: (to, bytes) => socket.send(to, bytes),
        localRecord: () => this.#c.localRecord(),
        knownRecord: (id) => this.#c.knownRecord(id),
        onMessage: (from, bytes) => this.#receive(from, bytes),
        onContact: (from, record, trusted) => this.#guard(() => this.#handlers?.onContact(from, record, trusted)),
      },
      this.#limits,
    );
    this.#socket = socket;
    this.#sessions = sessions;
    socket.onDatagram((datagram) => this.#guard(() => sessions.receive(datagram)));
  }

  /** Fails what waits with `DISCOVERY_STOPPED`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sessions?.close();
    this.#sessions = undefined;
    for (const pending of [...this.#pending.values()]) pending.fail(stopped());
    const socket = this.#socket;
    this.#socket = undefined;
    await socket?.close();
  }

  /**
   * Asks. Lists that come in several packets are put together; when some of them are lost, what came is the answer.
   * Errors: REQUEST_TIMEOUT, RESPONSE_UNEXPECTED (the answer is of another kind), REQUEST_REFUSED (too many requests, or
   * no key of the node is known), DISCOVERY_STOPPED, the signal's reason.
   */
  async request(to: Contact, body: Request, options: RequestOptions = {}): Promise<Response> {
    const { signal, timeoutMs = RESPONSE_TIMEOUT_MS, retries = RETRIES } = options;
    signal?.throwIfAborted();
    const sessions = this.#sessions;
    if (!sessions) throw stopped();
    const contact = contactKey(to.id, to.endpoint);
    const ofContact = this.#perContact.get(contact) ?? 0;
    if (this.#pending.size >= this.#limits.requestsMax || ofContact >= this.#limits.requestsPerContactMax) {
      throw new DiscoveryError('REQUEST_REFUSED', 'Too many requests are under way', { reason: 'limit' });
    }
    const requestId = this.#c.random.bytes(REQUEST_ID_MAX_BYTES);
    const key = hex(requestId);
    const outgoing: Outgoing = { to, bytes: encodeMessage({ requestId, body }), wanted: () => this.#pending.has(key) };
    this.#perContact.set(contact, ofContact + 1);
    return new Promise<Response>((resolve, reject) => {
      const answer = new Answer(body.kind);
      let triesLeft = retries;
      let cancel = () => {};
      const settle = (then: () => void) => {
        if (!this.#pending.delete(key)) return;
        cancel();
        signal?.removeEventListener('abort', onAbort);
        const left = (this.#perContact.get(contact) ?? 1) - 1;
        if (left > 0) this.#perContact.set(contact, left);
        else this.#perContact.delete(contact);
        then();
      };
      const fail = (error: unknown) => settle(() => reject(error));
      const onAbort = () => fail(signal?.reason);
      const attempt = () => {
        this.#metrics.requestsOutgoing.inc(1, { response: '' });
        if (!sessions.send(outgoing)) {
          fail(new DiscoveryError('REQUEST_REFUSED', 'No key of the node is known', { reason: 'record' }));
          return;
        }
        cancel = this.#c.clock.schedule(timeoutMs, onTimeout);
      };
      const onTimeout = () => {
        const partial = answer.response;
        if (partial) settle(() => resolve(partial));
        else if (triesLeft-- > 0) attempt();
        else {
          this.#metrics.requestsOutgoing.inc(1, { response: 'no_response' });
          fail(new DiscoveryError('REQUEST_TIMEOUT', 'The node does not answer', { kind: body.kind, contact }));
        }
      };
      const arrived = (response: Response) => {
        const state = answer.add(response);
        if (state === 'unexpected') {
          this.#metrics.requestsOutgoing.inc(1, { response: 'invalid_response' });
          const data = { kind: body.kind, response: response.kind, contact };
          fail(new DiscoveryError('RESPONSE_UNEXPECTED', 'The node answered something else', data));
        } else if (state === 'complete') {
          settle(() => resolve(answer.response!));
        } else if (state === 'partial') {
          cancel();
          cancel = this.#c.clock.schedule(timeoutMs, onTimeout);
        }
      };
      this.#pending.set(key, { contact, answer, arrived, fail });
      signal?.addEventListener('abort', onAbort, { once: true });
      attempt();
    });
  }

  /** Tells, without knowing whether it arrives. */
  notify(to: Contact, notice: Notice): void {
    const requestId = this.#c.random.bytes(REQUEST_ID_MAX_BYTES);
    const until = this.#c.clock.monotonic() + NOTICE_LIFE_MS;
    const wanted = () => this.#c.clock.monotonic() < until;
    this.#sessions?.send({ to, bytes: encodeMessage({ requestId, body: notice }), wanted });
  }

  #receive(from: Contact, bytes: Uint8Array): void {
    let message: Message;
    try {
      message = decodeMessage(bytes, this.#records);
    } catch (error) {
      this.#metrics.invalidMessages.inc();
      this.#logger.debug('Invalid message', { from: from.endpoint, error });
      return;
    }
    const { body, requestId } = message;
    switch (body.kind) {
      case 'pong':
      case 'nodes':
      case 'talkResponse':
      case 'providers': {
        const pending = this.#pending.get(hex(requestId));
        // Only the one who was asked can answer.
        if (pending?.contact === contactKey(from.id, from.endpoint)) pending.arrived(body);
        else this.#metrics.unsolicited.inc();
        return;
      }
      case 'addProvider':
        this.#guard(() => this.#handlers?.onNotice(from, body));
        return;
      default:
        this.#guard(() => this.#answer(from, requestId, body));
    }
  }

  #answer(from: Contact, requestId: Uint8Array, request: Request): void {
    const response = this.#handlers?.onRequest(from, request);
    this.#metrics.requestsIncoming.inc(1, { response: response ? '' : 'no_response' });
    if (!response) return;
    for (const body of splitAnswer(response)) this.#sessions?.answer(from, encodeMessage({ requestId, body }));
  }

  /** A fault of ours in the handling of a packet must not end the process. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#logger.error('A message could not be handled', { error });
    }
  }
}

function stopped(): DiscoveryError {
  return new DiscoveryError('DISCOVERY_STOPPED', 'Discovery is not running');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
