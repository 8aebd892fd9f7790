import { hash } from 'node:crypto';
import type { Endpoint } from '../datagram/datagram.ts';
import { DiscoveryError } from '../errors.ts';
import { encodeBase58 } from '../identity/base58.ts';
import { type Identity, peerIdBytesOf, verifySignature } from '../identity/identity.ts';
import { NodeId } from '../identity/node-id.ts';
import { endpointIp } from './ip-bytes.ts';
import { parseAddress } from './multiaddr.ts';
import { decodeMultiaddr, encodeMultiaddr, isLoneComponent } from './multiaddr-bytes.ts';
import { decodeVarint, encodeVarint } from './varint.ts';

const URI_PREFIX = 'spr:';
const DOMAIN = new TextEncoder().encode('libp2p-peer-record');
const PAYLOAD_TYPE = Uint8Array.of(0x03, 0x01);
/** Bytes of an envelope at most: one of a node with 100 addresses has 2 KB. */
const ENVELOPE_MAX_BYTES = 8192;
/** Addresses of one record that are used at most. */
const ADDRESSES_MAX = 64;
/** Verified records that a reader remembers, 300 bytes to 1 KB each: some 25 routing tables' worth. */
const VERIFIED_MAX = 4096;

/** A signed peer record (05 §2), verified: there is no other way to make one than to sign or to open it. */
export class SignedRecord {
  /** `16Uiu2…` */
  readonly peerId: string;
  /** 37-byte public key protobuf of the signer. */
  readonly publicKey: Uint8Array;
  readonly seq: number;
  /** Multiaddrs, in order; those of unknown form are left out. */
  readonly addresses: readonly string[];
  /** The signed envelope, as it travels. */
  readonly envelope: Uint8Array;
  /**
   * Where the DHT reaches the node: the first IPv4 address of any kind with the first UDP port, found independently as
   * the reference does; without IPv4 the first IPv6 address with a UDP port. Undefined when there is none.
   */
  readonly udp: Endpoint | undefined;
  readonly nodeId: NodeId;

  private constructor(fields: Pick<SignedRecord, 'publicKey' | 'seq' | 'addresses' | 'envelope'>) {
    const peerIdBytes = peerIdBytesOf(fields.publicKey);
    this.peerId = encodeBase58(peerIdBytes);
    this.publicKey = fields.publicKey;
    this.seq = fields.seq;
    this.addresses = fields.addresses;
    this.envelope = fields.envelope;
    this.udp = udpEndpoint(fields.addresses);
    this.nodeId = NodeId.ofPeer(peerIdBytes);
  }

  /** `spr:` and base64url without padding. */
  get uri(): string {
    return URI_PREFIX + Buffer.from(this.envelope).toString('base64url');
  }

  /** A dump for people. */
  toString(): string {
    return `(peerId: ${this.peerId}, seqNo: ${this.seq}, addresses: @[${this.addresses.join(', ')}])`;
  }

  /** `seq` is 1 or more: zero would vanish with writers that leave out zeros. Addresses of unknown form are left out. */
  static sign(identity: Identity, init: { readonly seq: number; readonly addresses: readonly string[] }): SignedRecord {
    const encoded = init.addresses.flatMap((text) => {
      const bytes = encodeMultiaddr(text);
      return bytes ? [{ text, bytes }] : [];
    });
    const payload = Uint8Array.from([
      ...bytesField(1, identity.peerIdBytes),
      ...varintField(2, init.seq),
      ...encoded.flatMap(({ bytes }) => bytesField(3, bytesField(1, bytes))),
    ]);
    const envelope = Uint8Array.from([
      ...bytesField(1, identity.publicKey),
      ...bytesField(2, PAYLOAD_TYPE),
      ...bytesField(3, payload),
      ...bytesField(5, identity.sign(signedBytes(payload))),
    ]);
    const addresses = encoded.map(({ text }) => text);
    return new SignedRecord({ publicKey: identity.publicKey, seq: init.seq, addresses, envelope });
  }

  /** Decodes and verifies an envelope; keeps a copy of it. Error: RECORD_INVALID. */
  static open(envelope: Uint8Array): SignedRecord {
    if (envelope.length > ENVELOPE_MAX_BYTES) throw invalid('it is too long');
    const bytes = Uint8Array.from(envelope);
    const fields = readFields(bytes);
    const [publicKey, type, payload, signature] = [1, 2, 3, 5].map((number) => fields?.bytes.get(number)?.at(-1));
    if (!publicKey || !type || !payload || !signature) throw invalid('it is no signed envelope');
    if (Buffer.compare(type, PAYLOAD_TYPE) !== 0) throw invalid('the envelope holds something else');
    if (!verifySignature(publicKey, signedBytes(payload), signature)) throw invalid('the signature does not verify');
    const record = readFields(payload);
    const peerIdBytes = record?.bytes.get(1)?.at(-1);
    const seq = record?.numbers.get(2);
    if (!record || !peerIdBytes || seq === undefined) throw invalid('it is no peer record');
    if (Buffer.compare(peerIdBytes, peerIdBytesOf(publicKey)) !== 0) throw invalid('it is signed by another peer');
    const infos = record.bytes.get(3) ?? [];
    const known = infos.flatMap((info) => {
      const address = readFields(info)?.bytes.get(1)?.at(-1);
      if (!address) throw invalid('an address is missing');
      // Whoever passed it on would bring down nodes of the reference.
      if (isLoneComponent(address)) throw invalid('an address has one component only');
      return decodeMultiaddr(address) ?? [];
    });
    const addresses = known.slice(0, ADDRESSES_MAX);
    if (infos.length > 0 && addresses.length === 0) throw invalid('none of its addresses is known');
    return new SignedRecord({ publicKey, seq, addresses, envelope: bytes });
  }

  /** Decodes and verifies the text of a record. Error: RECORD_INVALID. */
  static parse(uri: string): SignedRecord {
    if (!uri.startsWith(URI_PREFIX)) throw invalid('it does not start with spr:');
    return SignedRecord.open(Buffer.from(uri.slice(URI_PREFIX.length), 'base64url'));
  }
}

/** Opens envelopes; the ones that verified lately cost a hash only, because the same records come from many peers. */
export class RecordReader {
  readonly #capacity: number;
  /** By digest of the envelope, the least recently used first. */
  readonly #verified = new Map<string, SignedRecord>();

  constructor(init: { readonly capacity: number } = { capacity: VERIFIED_MAX }) {
    this.#capacity = init.capacity;
  }

  /** Error: RECORD_INVALID. */
  open(envelope: Uint8Array): SignedRecord {
    const key = keyOf(envelope);
    const known = this.#recall(key);
    if (known) return known;
    const record = SignedRecord.open(envelope);
    this.#verified.set(key, record);
    if (this.#verified.size > this.#capacity) {
      for (const oldest of this.#verified.keys()) {
        this.#verified.delete(oldest);
        break;
      }
    }
    return record;
  }

  /** The record of an envelope that verified lately; undefined for all others. */
  known(envelope: Uint8Array): SignedRecord | undefined {
    return this.#recall(keyOf(envelope));
  }

  #recall(key: string): SignedRecord | undefined {
    const record = this.#verified.get(key);
    if (!record) return undefined;
    this.#verified.delete(key);
    this.#verified.set(key, record);
    return record;
  }
}

function keyOf(envelope: Uint8Array): string {
  return hash('sha256', envelope, 'base64');
}

function invalid(reason: string): DiscoveryError {
  return new DiscoveryError('RECORD_INVALID', `The peer record is invalid: ${reason}`, { reason });
}

function udpEndpoint(addresses: readonly string[]): Endpoint | undefined {
  const parsed = addresses.map(parseAddress).filter((address) => address !== undefined);
  const ip4 = parsed.find((address) => address.kind === 'ip4');
  const port = parsed.find((address) => address.transport === 'udp')?.port;
  if (ip4 && port !== undefined) return { ip: ip4.host, port };
  const ip6 = parsed.find((address) => address.kind === 'ip6' && address.transport === 'udp');
  const ip = ip6 && endpointIp(ip6.host);
  return ip ? { ip, port: ip6.port } : undefined;
}

/** What the signature covers: domain, type and payload, each with its length. */
function signedBytes(payload: Uint8Array): Uint8Array {
  return Uint8Array.from([DOMAIN, PAYLOAD_TYPE, payload].flatMap((part) => [...encodeVarint(part.length), ...part]));
}

function bytesField(number: number, value: ArrayLike<number>): number[] {
  return [(number << 3) | 2, ...encodeVarint(value.length), ...Array.from(value)];
}

function varintField(number: number, value: number): number[] {
  return [number << 3, ...encodeVarint(value)];
}

interface Fields {
  readonly bytes: Map<number, Uint8Array[]>;
  readonly numbers: Map<number, number>;
}

/** Reads a protobuf message of varints and byte strings; undefined when it is malformed. */
function readFields(message: Uint8Array): Fields | undefined {
  const fields: Fields = { bytes: new Map(), numbers: new Map() };
  for (let offset = 0; offset < message.length; ) {
    const tag = decodeVarint(message, offset);
    const value = tag && decodeVarint(message, tag.end);
    if (!tag || !value) return undefined;
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    offset = value.end;
    if (number === 0) return undefined;
    if (wire === 0) {
      fields.numbers.set(number, value.value);
    } else if (wire === 2) {
      if (value.value > message.length - offset) return undefined;
      const list = fields.bytes.get(number) ?? [];
      list.push(message.subarray(offset, offset + value.value));
      fields.bytes.set(number, list);
      offset += value.value;
    } else {
      return undefined;
    }
  }
  return fields;
}
