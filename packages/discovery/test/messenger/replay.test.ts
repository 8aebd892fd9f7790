import { type Random, VirtualClock } from '@codex/runtime';
import { expect, it } from 'vitest';
import type { Datagram, DatagramNetwork, Endpoint } from '../../src/datagram/datagram.ts';
import { Identity } from '../../src/identity/identity.ts';
import type { NodeId } from '../../src/identity/node-id.ts';
import type { Message, Request, Response } from '../../src/message/message.ts';
import { decodeMessage } from '../../src/message/message-codec.ts';
import { Messenger } from '../../src/message/messenger.ts';
import { decodePacket } from '../../src/packet/packet-codec.ts';
import { RecordReader, type SignedRecord } from '../../src/record/signed-record.ts';
import { type Curve, secp256k1Curve } from '../../src/session/curve.ts';
import { hex, type TranscriptPacket, transcript, transcriptNode, unhex } from '../vectors.ts';

/*
 * A node of ours takes the place of one node of the recording: it is fed the recorded packets of the others, is told to
 * ask and to notify what that node asked and notified, answers what that node answered, and every byte that it sends is
 * compared with the recording.
 *
 * Injected, because chance chose it: nonces, masking ivs, id nonces, request ids, the 20 bytes of random packets, and the
 * public halves of ephemeral keys. The private halves were not recorded, so the shared point is computed from the other
 * side's key instead (it is the same point). Not injected: session keys, ciphertexts, masks and signatures.
 */

const records = new RecordReader();
const endpointOf = (name: string): Endpoint => ({ ip: '127.0.0.1', port: transcriptNode(name).udpPort });
const messageOf = (packet: TranscriptPacket): Message | undefined =>
  packet.plaintext ? decodeMessage(unhex(packet.plaintext), records) : undefined;

/** Of each node, a record that carries its key. */
const recordOf = new Map<string, SignedRecord>();
for (const packet of transcript.packets) {
  if (packet.record) recordOf.set(packet.from, records.open(unhex(packet.record)));
  const body = messageOf(packet)?.body;
  if (body?.kind !== 'nodes') continue;
  for (const record of body.records) {
    for (const name of Object.keys(transcript.nodes)) {
      if (record.nodeId.equals(transcriptNode(name).id) && !recordOf.has(name)) recordOf.set(name, record);
    }
  }
}

const ASKS = ['ping', 'findNode', 'findNodeFast', 'talkRequest', 'getProviders'];
const isRequest = (message: Message): message is Message & { body: Request } => ASKS.includes(message.body.kind);
const sameRequest = (a: Message | undefined, b: Message | undefined) =>
  a !== undefined && b !== undefined && hex(a.requestId) === hex(b.requestId);

class Impersonation {
  readonly #name: string;
  readonly #clock = new VirtualClock();
  /** The packets that the node is about to send. */
  #script: TranscriptPacket[] = [];
  #requestId: Uint8Array | undefined;
  #message: Message | undefined;
  #listener: ((datagram: Datagram) => void) | undefined;
  readonly #messenger: Messenger;
  readonly compared: string[] = [];
  readonly notices: string[] = [];
  readonly contacts: { id: NodeId; trusted: boolean }[] = [];
  readonly answers: { asked: Message; got: Promise<Response | undefined> }[] = [];

  constructor(name: string) {
    this.#name = name;
    const identity = Identity.fromPrivateKey(unhex(transcriptNode(name).privateKey));
    const learned = new Map<string, SignedRecord>();
    const datagrams: DatagramNetwork = {
      bind: async (at) => ({
        local: at,
        send: (to, bytes) => this.#sent(to, bytes),
        onDatagram: (listener) => {
          this.#listener = listener;
        },
        close: async () => {},
      }),
    };
    this.#messenger = new Messenger(
      {
        identity,
        datagrams,
        clock: this.#clock,
        random: this.#random(),
        curve: this.#curve(),
        records,
        localRecord: () => records.open(unhex(this.#next('record').record ?? '')),
        knownRecord: (id) => learned.get(id.hex),
      },
      { listen: endpointOf(name) },
    );
    this.#messenger.serve({
      onRequest: () => this.#answer(),
      onNotice: (_from, notice) => void this.notices.push(hex(notice.record.envelope)),
      onContact: ({ id }, record, trusted) => {
        if (record) learned.set(id.hex, record);
        this.contacts.push({ id, trusted });
      },
    });
  }

  async play(): Promise<void> {
    await this.#messenger.start();
    for (const [at, packet] of transcript.packets.entries()) {
      await this.#clock.advance(1);
      if (packet.to === this.#name) this.#feed(packet, at);
      else if (packet.from === this.#name) this.#prompt(packet, at);
    }
    await this.#clock.advance(1);
    await this.#messenger.stop();
    await this.#clock.advance(1);
  }

  /** A packet comes; what the node will send for it stands ready. */
  #feed(packet: TranscriptPacket, at: number): void {
    this.#message = messageOf(packet);
    const later = transcript.packets.slice(at + 1);
    const back = later.filter(({ from, to }) => from === this.#name && to === packet.from);
    if (packet.flag === 1) this.#script = back.filter(({ flag }) => flag === 2).slice(0, 1);
    else if (!packet.plaintext) this.#script = back.filter(({ flag }) => flag === 1).slice(0, 1);
    else this.#script = back.filter((one) => sameRequest(messageOf(one), this.#message));
    this.#listener?.({ from: endpointOf(packet.from), bytes: unhex(packet.hex) });
    expect(this.#script).toEqual([]);
  }

  /** The node begins something by itself. */
  #prompt(packet: TranscriptPacket, at: number): void {
    const opens = packet.flag === 0 && !packet.plaintext;
    const handshake = transcript.packets
      .slice(at)
      .find(({ from, to, flag }) => from === this.#name && to === packet.to && flag === 2);
    const message = messageOf(opens && handshake ? handshake : packet);
    // Answers, challenges and handshakes followed from what came.
    if (packet.flag !== 0 || !message || !(isRequest(message) || message.body.kind === 'addProvider')) return;
    this.#script = [packet];
    this.#requestId = message.requestId;
    const to = { id: transcriptNode(packet.to).id, endpoint: endpointOf(packet.to), record: recordOf.get(packet.to) };
    if (message.body.kind === 'addProvider') this.#messenger.notify(to, message.body);
    else if (isRequest(message)) {
      const got = this.#messenger.request(to, message.body).catch(() => undefined);
      this.answers.push({ asked: message, got });
    }
    expect(this.#script).toEqual([]);
  }

  #answer(): Response | undefined {
    const [packet] = this.#script;
    const answer = packet && messageOf(packet);
    return answer?.body as Response | undefined;
  }

  #next(what: string): TranscriptPacket {
    const [packet] = this.#script;
    if (!packet) throw new Error(`The recorded node needs no ${what} here`);
    return packet;
  }

  #sent(to: Endpoint, bytes: Uint8Array): void {
    const packet = this.#next('datagram');
    expect(to).toEqual(endpointOf(packet.to));
    expect(hex(bytes)).toBe(packet.hex);
    this.compared.push(packet.hex);
    this.#script.shift();
  }

  #random(): Random {
    let idNonceNext = false;
    return {
      bytes: (length) => {
        if (length === 8) return this.#requestId ?? new Uint8Array(8);
        const packet = this.#next(`${length} random bytes`);
        const decoded = decodePacket(transcriptNode(packet.to).id, unhex(packet.hex));
        if (length === 12) return decoded.nonce;
        if (length === 20 && decoded.flag === 'ordinary') return decoded.message;
        if (length === 16 && decoded.flag === 'whoareyou' && idNonceNext) {
          idNonceNext = false;
          return decoded.idNonce;
        }
        idNonceNext = decoded.flag === 'whoareyou';
        if (length === 16) return decoded.authenticated.subarray(0, 16);
        throw new Error(`Nobody needs ${length} random bytes`);
      },
      int: () => 0,
      float: () => 0,
    };
  }

  #curve(): Curve {
    const MARKER = new Uint8Array(32).fill(0xee);
    return {
      ...secp256k1Curve,
      generate: () => ({ privateKey: MARKER, publicKey: unhex(this.#next('ephemeral key').ephKey ?? '') }),
      agree: (privateKey, publicKey) => {
        if (privateKey !== MARKER) return secp256k1Curve.agree(privateKey, publicKey);
        const packet = this.#next('agreement');
        expect(hex(publicKey)).toBe(hex(recordOf.get(packet.to)?.publicKey ?? new Uint8Array(0)));
        return secp256k1Curve.agree(unhex(transcriptNode(packet.to).privateKey), unhex(packet.ephKey ?? ''));
      },
    };
  }
}

it.each(Object.keys(transcript.nodes))(
  'as node %s, sends every packet of the recording, byte for byte',
  async (name) => {
    const node = new Impersonation(name);
    await node.play();
    const mine = transcript.packets.filter(({ from }) => from === name);
    const theirs = transcript.packets.filter(({ to }) => to === name);
    expect([...node.compared].sort()).toEqual(mine.map((packet) => packet.hex).sort());

    // What came was understood: notices, handshakes with records, and the answer to each request.
    const notices = theirs.flatMap((packet) => {
      const body = messageOf(packet)?.body;
      return body?.kind === 'addProvider' ? [hex(body.record.envelope)] : [];
    });
    expect(node.notices).toEqual(notices);
    const shaken = theirs
      .filter(({ flag }) => flag === 2)
      .map(({ from }) => ({ id: transcriptNode(from).id, trusted: true }));
    expect(node.contacts).toEqual(shaken);
    for (const { asked, got } of node.answers) {
      const answer = theirs.map(messageOf).find((message) => sameRequest(message, asked));
      expect(await got).toEqual(answer?.body);
    }
  },
);

it('plays handshakes in both roles and every kind of message that was recorded', () => {
  const kinds = new Set(transcript.packets.map(({ kind }) => kind));
  expect([...kinds].filter(Boolean).sort()).toEqual(
    ['ADD_PROVIDER', 'FINDNODE', 'GET_PROVIDERS', 'NODES', 'PING', 'PONG', 'PROVIDERS'].sort(),
  );
});
