import { createHash } from 'node:crypto';
import { type Labels, type MetricsRegistry, type Random, seededRandom, VirtualClock } from '@codex/runtime';
import { type DatagramSocket, type Endpoint, endpointText } from '../../src/datagram/datagram.ts';
import { type LinkFaults, MemoryDatagrams } from '../../src/datagram/memory.ts';
import { Identity } from '../../src/identity/identity.ts';
import type { Notice, Request, Response } from '../../src/message/message.ts';
import { Messenger, type MessengerLimits } from '../../src/message/messenger.ts';
import { RecordReader, SignedRecord } from '../../src/record/signed-record.ts';
import type { Contact } from '../../src/session/contact.ts';
import { type Curve, secp256k1Curve } from '../../src/session/curve.ts';
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from '../../src/session/limits.ts';
import { discoveryMetrics } from '../../src/session/metrics.ts';
import { Sessions } from '../../src/session/sessions.ts';

export const LATENCY_MS = 20;

/** Counts, by name and label value. */
export class Counts implements MetricsRegistry {
  readonly #counts = new Map<string, number>();

  counter({ name }: { readonly name: string }) {
    return {
      inc: (by = 1, labels: Labels = {}) => {
        const key = [name, ...Object.values(labels)].join(' ').trim();
        this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
      },
    };
  }

  gauge() {
    return { set: () => {}, inc: () => {} };
  }

  histogram() {
    return { observe: () => {} };
  }

  get(key: string): number {
    return this.#counts.get(key) ?? 0;
  }
}

export interface Node {
  readonly identity: Identity;
  readonly messenger: Messenger;
  readonly at: Endpoint;
  readonly record: SignedRecord;
  readonly contact: Contact;
  readonly counts: Counts;
  /** What was asked and told, in order. */
  readonly heard: (Request | Notice)[];
  readonly contacts: { readonly from: Contact; readonly record: SignedRecord | undefined; readonly trusted: boolean }[];
  /** What `knownRecord` looks into; handshakes fill it. */
  readonly known: Map<string, SignedRecord>;
}

export interface NodeInit {
  readonly limits?: Partial<MessengerLimits>;
  readonly answer?: (from: Contact, request: Request) => Response | undefined;
  readonly ip?: string;
  readonly port?: number;
  /** Of the record; its own when left out. */
  readonly announced?: Endpoint;
}

/** Nodes of a network in memory and in virtual time. Node n has the address 10.0.0.n:9000. */
export class Net {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly datagrams: MemoryDatagrams;
  readonly records = new RecordReader();
  readonly curve: Curve;
  readonly #open: Messenger[] = [];

  constructor(faults: Partial<LinkFaults> = {}, { seed = 1, curve = secp256k1Curve } = {}) {
    this.random = seededRandom(seed);
    this.curve = curve;
    const { clock, random } = this;
    this.datagrams = new MemoryDatagrams({ clock, random }, { latencyMs: () => LATENCY_MS, ...faults });
  }

  async node(number: number, init: NodeInit = {}): Promise<Node> {
    const identity = identityOf(number);
    const at = { ip: init.ip ?? `10.0.0.${number}`, port: init.port ?? 9000 };
    const record = recordOf(identity, init.announced ?? at);
    const counts = new Counts();
    const known = new Map<string, SignedRecord>();
    const node: Node = {
      identity,
      at,
      record,
      counts,
      known,
      heard: [],
      contacts: [],
      contact: { id: identity.nodeId, endpoint: at, record },
      messenger: new Messenger(
        {
          identity,
          datagrams: this.datagrams,
          clock: this.clock,
          random: this.random,
          curve: this.curve,
          records: this.records,
          metrics: counts,
          localRecord: () => record,
          knownRecord: (id) => known.get(id.hex),
        },
        { listen: at, limits: init.limits },
      ),
    };
    const answer = init.answer ?? pong;
    node.messenger.serve({
      onRequest: (from, request) => {
        node.heard.push(request);
        return answer(from, request);
      },
      onNotice: (_from, notice) => void node.heard.push(notice),
      onContact: (from, theirs, trusted) => {
        node.contacts.push({ from, record: theirs, trusted });
        if (theirs) known.set(from.id.hex, theirs);
      },
    });
    await node.messenger.start();
    this.#open.push(node.messenger);
    return node;
  }

  /** A peer without manners: its sessions are in the hands of the test. */
  async raw(number: number, init: { readonly limits?: Partial<SessionLimits>; readonly identity?: Identity } = {}) {
    const identity = init.identity ?? identityOf(number);
    const at = { ip: `10.0.0.${number}`, port: 9000 };
    const record = recordOf(identity, at);
    const socket = await this.datagrams.bind(at);
    const raw = new RawPeer(this, identity, record, socket, { ...DEFAULT_SESSION_LIMITS, ...init.limits });
    return raw;
  }

  /** The result of `work`, letting virtual time pass until it is there. */
  async until<T>(work: Promise<T>, stepMs = 1): Promise<T> {
    let over = false;
    const mark = () => {
      over = true;
    };
    work.then(mark, mark);
    for (let passed = 0; !over; passed += stepMs) {
      if (passed > 60_000) throw new Error('It takes more than a minute');
      await this.clock.advance(stepMs);
    }
    return work;
  }

  /** The code of the error that `work` ends with, or that it worked. */
  outcome(work: Promise<unknown>): Promise<string> {
    return this.until(
      work.then(
        () => 'done',
        (error) => error.code ?? String(error),
      ),
    );
  }

  async stop(): Promise<void> {
    for (const messenger of this.#open) await messenger.stop();
  }
}

export class RawPeer {
  readonly identity: Identity;
  readonly record: SignedRecord;
  readonly contact: Contact;
  readonly socket: DatagramSocket;
  readonly sessions: Sessions;
  readonly counts = new Counts();
  readonly messages: { readonly from: Contact; readonly bytes: Uint8Array }[] = [];
  /** What came and what went, as datagrams. */
  readonly received: { readonly from: Endpoint; readonly bytes: Uint8Array }[] = [];
  readonly sent: { readonly to: Endpoint; readonly bytes: Uint8Array }[] = [];
  onMessage: (from: Contact, bytes: Uint8Array) => void = () => {};
  /** Set to false, it does not react to what comes. */
  listening = true;

  constructor(net: Net, identity: Identity, record: SignedRecord, socket: DatagramSocket, limits: SessionLimits) {
    this.identity = identity;
    this.record = record;
    this.socket = socket;
    this.contact = { id: identity.nodeId, endpoint: socket.local, record };
    this.sessions = new Sessions(
      {
        identity,
        clock: net.clock,
        random: net.random,
        curve: net.curve,
        records: net.records,
        metrics: discoveryMetrics(this.counts),
        send: (to, bytes) => {
          this.sent.push({ to, bytes });
          socket.send(to, bytes);
        },
        localRecord: () => this.record,
        knownRecord: () => undefined,
        onMessage: (from, bytes) => {
          this.messages.push({ from, bytes });
          this.onMessage(from, bytes);
        },
        onContact: () => {},
      },
      limits,
    );
    socket.onDatagram(({ from, bytes }) => {
      this.received.push({ from, bytes: Uint8Array.from(bytes) });
      if (this.listening) this.sessions.receive({ from, bytes });
    });
  }

  send(to: Contact, bytes: Uint8Array): boolean {
    return this.sessions.send({ to, bytes, wanted: () => true });
  }
}

const identities = new Map<number, Identity>();

export function identityOf(number: number): Identity {
  const key = createHash('sha256').update(`key of node ${number}`).digest();
  const identity = identities.get(number) ?? Identity.fromPrivateKey(key);
  identities.set(number, identity);
  return identity;
}

/** Signatures are random, and so is their length: a record that is asked for again is the same one. */
const signed = new Map<string, SignedRecord>();

export function recordOf(identity: Identity, at: Endpoint, seq = 1): SignedRecord {
  const key = `${identity.peerId} ${endpointText(at)} ${seq}`;
  const record = signed.get(key) ?? SignedRecord.sign(identity, { seq, addresses: [`/ip4/${at.ip}/udp/${at.port}`] });
  signed.set(key, record);
  return record;
}

export function pong(from: Contact): Response {
  return { kind: 'pong', seq: 1, endpoint: from.endpoint };
}

export const PING: Request = { kind: 'ping', seq: 1 };
