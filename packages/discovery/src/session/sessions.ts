import type { Clock, Random } from '@codex/runtime';
import type { Datagram, Endpoint } from '../datagram/datagram.ts';
import type { Identity } from '../identity/identity.ts';
import type { NodeId } from '../identity/node-id.ts';
import {
  type HandshakePacket,
  ID_NONCE_BYTES,
  MASKING_IV_BYTES,
  NONCE_BYTES,
  type OrdinaryPacket,
  type Packet,
  type WhoAreYouPacket,
} from '../packet/packet.ts';
import {
  decodePacket,
  encodeHandshake,
  encodeOrdinary,
  encodeRandom,
  encodeWhoAreYou,
  openMessage,
} from '../packet/packet-codec.ts';
import type { RecordReader, SignedRecord } from '../record/signed-record.ts';
import { type Challenge, Challenges } from './challenges.ts';
import { type Contact, contactKey } from './contact.ts';
import type { Curve } from './curve.ts';
import { Dials, type Outgoing } from './dials.ts';
import { deriveKeys, idSignatureInput } from './handshake.ts';
import type { SessionLimits } from './limits.ts';
import type { WireMetrics } from './metrics.ts';
import { RateLimiter } from './rate-limiter.ts';
import { RecentNonces } from './recent-nonces.ts';
import { SentMessages } from './sent-messages.ts';
import { type Session, SessionCache } from './session-cache.ts';

/** What stands for the message in a packet that opens a session (05 §3). */
const RANDOM_MESSAGE_BYTES = 20;

export interface SessionComponents {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: Random;
  readonly curve: Curve;
  readonly records: RecordReader;
  readonly metrics: WireMetrics;
  send(to: Endpoint, bytes: Uint8Array): void;
  localRecord(): SignedRecord;
  knownRecord(id: NodeId): SignedRecord | undefined;
  /** `message` came from this contact and nobody else, and not before. */
  onMessage(from: Contact, message: Uint8Array): void;
  /** The contact made a handshake; its message was handed on before. */
  onContact(from: Contact, record: SignedRecord | undefined, trusted: boolean): void;
}

/** Encrypts messages for contacts and makes the handshakes that this needs (05 §3). Nothing here throws for what arrives. */
export class Sessions {
  readonly #c: SessionComponents;
  readonly #local: NodeId;
  readonly #cache: SessionCache;
  readonly #challenges: Challenges;
  readonly #dials: Dials;
  readonly #sent: SentMessages;
  readonly #rates: RateLimiter;
  readonly #nonces = new RecentNonces();

  constructor(components: SessionComponents, limits: SessionLimits) {
    const { clock } = components;
    const now = () => clock.monotonic();
    this.#c = components;
    this.#local = components.identity.nodeId;
    this.#cache = new SessionCache(limits.sessionsMax);
    this.#challenges = new Challenges(limits, now);
    this.#dials = new Dials(clock, limits);
    this.#sent = new SentMessages(limits.recentMax, now);
    this.#rates = new RateLimiter(limits, now);
  }

  /** What is held, for tests of its bounds. */
  get sizes(): Readonly<Record<'sessions' | 'challenges' | 'queued' | 'sent' | 'sources', number>> {
    return {
      sessions: this.#cache.size,
      challenges: this.#challenges.size,
      queued: this.#dials.queued,
      sent: this.#sent.size,
      sources: this.#rates.size,
    };
  }

  /**
   * Sends a message, opening a session first when there is none. False when that cannot be done because the contact's
   * key is unknown; a message that finds no room to wait is lost like a packet.
   */
  send(message: Outgoing): boolean {
    const { id, endpoint } = message.to;
    const key = contactKey(id, endpoint);
    const session = this.#cache.get(key);
    this.#countLookup(session);
    if (session) {
      this.#sendOrdinary(key, session, message);
      return true;
    }
    if (!this.#publicKeyOf(message.to)) return false;
    const waits = this.#dials.has(key) ? this.#dials.queue(key, message) : this.#dial(key, message);
    if (!waits) this.#c.metrics.droppedMessages.inc();
    return true;
  }

  /** Sends an answer to where the question came from. Without a session, which is rare by then, it is lost. */
  answer(to: Contact, bytes: Uint8Array): void {
    const session = this.#cache.get(contactKey(to.id, to.endpoint));
    if (session) this.#seal(session, to, bytes, this.#c.random.bytes(NONCE_BYTES));
    else this.#c.metrics.droppedMessages.inc();
  }

  receive({ from, bytes }: Datagram): void {
    if (!this.#rates.allowPacket(from.ip)) {
      this.#countReceived('limited', bytes);
      return;
    }
    let packet: Packet;
    try {
      packet = decodePacket(this.#local, bytes);
    } catch {
      this.#countReceived('invalid', bytes);
      return;
    }
    this.#countReceived(packet.flag, bytes);
    if (packet.flag === 'whoareyou') this.#onWhoAreYou(packet, from);
    else if (packet.source.equals(this.#local)) return;
    else if (packet.flag === 'ordinary') this.#onOrdinary(packet, from);
    else this.#onHandshake(packet, from);
  }

  /** Forgets what waits; nothing is sent afterwards by itself. */
  close(): void {
    this.#dials.close();
    this.#sent.clear();
  }

  // The side that opens a session.

  #dial(key: string, message: Outgoing): boolean {
    const { id, endpoint } = message.to;
    const head = {
      source: this.#local,
      nonce: this.#c.random.bytes(NONCE_BYTES),
      maskingIv: this.#c.random.bytes(MASKING_IV_BYTES),
    };
    const packet = encodeRandom(id, head, this.#c.random.bytes(RANDOM_MESSAGE_BYTES));
    return this.#dials.open(message, () => {
      this.#sent.add(head.nonce, key, message);
      this.#transmit('random', endpoint, packet);
    });
  }

  #onWhoAreYou(packet: WhoAreYouPacket, from: Endpoint): void {
    const sent = this.#sent.take(packet.nonce);
    if (!sent) return;
    const { key, message } = sent;
    const { to } = message;
    // Only where the packet went can it have been seen.
    if (key !== contactKey(to.id, from)) return;
    const publicKey = this.#publicKeyOf(to);
    if (!publicKey) return;
    // What else was sent lately was written with keys that are gone, if there were any.
    const waiting = new Set([message, ...this.#sent.takeAll(key), ...this.#dials.finish(key)]);
    const [first, ...rest] = [...waiting].filter(({ wanted }) => wanted());
    if (!first) return;
    const session = this.#shakeHands(packet, key, first, publicKey);
    for (const next of rest) this.#sendOrdinary(key, session, next);
  }

  /** Answers a challenge with a message inside the handshake. */
  #shakeHands(packet: WhoAreYouPacket, key: string, message: Outgoing, publicKey: Uint8Array): Session {
    const { identity, curve, random, metrics } = this.#c;
    const { id, endpoint } = message.to;
    const challengeData = packet.authenticated;
    const ephemeral = curve.generate(random);
    const secret = curve.agree(ephemeral.privateKey, publicKey);
    const { initiatorKey, recipientKey } = deriveKeys(secret, challengeData, this.#local, id);
    const record = this.#c.localRecord();
    const head = {
      source: this.#local,
      nonce: random.bytes(NONCE_BYTES),
      maskingIv: random.bytes(MASKING_IV_BYTES),
      signature: curve.sign(identity, idSignatureInput(challengeData, ephemeral.publicKey, id)),
      ephemeralKey: ephemeral.publicKey,
      record: BigInt(record.seq) > packet.recordSeq ? record.envelope : undefined,
      key: initiatorKey,
    };
    const session = this.#cache.put(key, { read: recipientKey, write: initiatorKey });
    metrics.handshakes.inc(1, { result: 'made' });
    this.#transmit('handshake', endpoint, encodeHandshake(id, head, message.bytes));
    return session;
  }

  // The side that is contacted.

  #onOrdinary(packet: OrdinaryPacket, from: Endpoint): void {
    const key = contactKey(packet.source, from);
    const session = this.#cache.get(key);
    this.#countLookup(session);
    const message = session?.open(packet);
    if (message) {
      if (this.#nonces.seen(packet.nonce)) this.#c.metrics.repeatedPackets.inc();
      else this.#c.onMessage({ id: packet.source, endpoint: from }, message);
      return;
    }
    if (session) this.#c.metrics.decryptFailures.inc();
    this.#challenge(packet, from, key);
  }

  #challenge(packet: OrdinaryPacket, from: Endpoint, key: string): void {
    const outstanding = this.#challenges.outstanding(key);
    if (outstanding) {
      // The same packet once more: its sender did not get the challenge. Others wait for the handshake.
      if (Buffer.compare(outstanding.nonce, packet.nonce) === 0) this.#transmit('whoareyou', from, outstanding.bytes);
      return;
    }
    if (!this.#challenges.hasRoom(from.ip)) return;
    const known = this.#c.knownRecord(packet.source);
    const { bytes, challengeData } = encodeWhoAreYou(packet.source, {
      nonce: packet.nonce,
      maskingIv: this.#c.random.bytes(MASKING_IV_BYTES),
      idNonce: this.#c.random.bytes(ID_NONCE_BYTES),
      recordSeq: BigInt(known?.seq ?? 0),
    });
    this.#challenges.add(key, { ip: from.ip, nonce: packet.nonce, bytes, challengeData, publicKey: known?.publicKey });
    this.#transmit('whoareyou', from, bytes);
  }

  #onHandshake(packet: HandshakePacket, from: Endpoint): void {
    const key = contactKey(packet.source, from);
    if (!this.#challenges.has(key)) return;
    const result = (name: string) => this.#c.metrics.handshakes.inc(1, { result: name });
    if (!this.#rates.allowHandshake(from.ip)) {
      result('limited');
      return;
    }
    const challenge = this.#challenges.attempt(key);
    const accepted = challenge && this.#verify(packet, challenge);
    if (!accepted) {
      result('refused');
      return;
    }
    result('accepted');
    const { initiatorKey, recipientKey, message, record } = accepted;
    this.#challenges.delete(key);
    const session = this.#cache.put(key, { read: initiatorKey, write: recipientKey });
    const contact = { id: packet.source, endpoint: from, record };
    this.#c.onMessage(contact, message);
    // What waited for a session can go; what was sent lately the contact could not read, having lost its keys.
    const waiting = new Set([...this.#sent.takeAll(key), ...this.#dials.finish(key)]);
    for (const next of waiting) if (next.wanted()) this.#sendOrdinary(key, session, next);
    const trusted = record?.udp?.ip === from.ip && record.udp.port === from.port;
    this.#c.onContact(contact, record, trusted);
  }

  /** Undefined for a handshake that does not prove the sender's id, or whose message does not fit its keys. */
  #verify(packet: HandshakePacket, { challengeData, publicKey }: Challenge) {
    const { curve, identity, records } = this.#c;
    try {
      const record = packet.record && records.open(packet.record);
      if (record && !record.nodeId.equals(packet.source)) return undefined;
      const signer = record?.publicKey ?? publicKey;
      if (!signer) return undefined;
      const proof = idSignatureInput(challengeData, packet.ephemeralKey, this.#local);
      if (!curve.verify(signer, proof, packet.signature)) return undefined;
      const secret = curve.agree(identity.privateKey, packet.ephemeralKey);
      const keys = deriveKeys(secret, challengeData, packet.source, this.#local);
      const message = openMessage(keys.initiatorKey, packet);
      return message && { ...keys, message, record };
    } catch {
      // The record or the ephemeral key is malformed.
      return undefined;
    }
  }

  // Both sides.

  #publicKeyOf(contact: Contact): Uint8Array | undefined {
    return (contact.record ?? this.#c.knownRecord(contact.id))?.publicKey;
  }

  #sendOrdinary(key: string, session: Session, message: Outgoing): void {
    const nonce = this.#c.random.bytes(NONCE_BYTES);
    this.#sent.add(nonce, key, message);
    this.#seal(session, message.to, message.bytes, nonce);
  }

  #seal(session: Session, to: Contact, message: Uint8Array, nonce: Uint8Array): void {
    const maskingIv = this.#c.random.bytes(MASKING_IV_BYTES);
    const head = { source: this.#local, nonce, maskingIv, key: session.write };
    this.#transmit('ordinary', to.endpoint, encodeOrdinary(to.id, head, message));
  }

  #transmit(state: string, to: Endpoint, bytes: Uint8Array): void {
    this.#c.metrics.packetsSent.inc(1, { state });
    this.#c.metrics.bytesSent.inc(bytes.length, { state });
    this.#c.send(to, bytes);
  }

  #countReceived(state: string, bytes: Uint8Array): void {
    this.#c.metrics.packetsReceived.inc(1, { state });
    this.#c.metrics.bytesReceived.inc(bytes.length, { state });
  }

  #countLookup(session: Session | undefined): void {
    if (session) this.#c.metrics.sessionHits.inc();
    else this.#c.metrics.sessionMisses.inc();
  }
}
