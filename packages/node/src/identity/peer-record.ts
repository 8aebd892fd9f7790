import { NodeError } from '../errors.ts';
import { encodeBase58 } from './base58.ts';
import { type Identity, peerIdBytesOf, verifySignature } from './identity.ts';
import { decodeMultiaddr, encodeMultiaddr } from './multiaddr-bytes.ts';
import { decodeVarint, encodeVarint } from './varint.ts';

/** What a signed peer record says (05 §2). */
export interface PeerRecord {
  readonly peerId: string;
  readonly seq: number;
  /** Multiaddrs, in order; those of unknown form are left out. */
  readonly addresses: readonly string[];
}

const URI_PREFIX = 'spr:';
const DOMAIN = new TextEncoder().encode('libp2p-peer-record');
const PAYLOAD_TYPE = Uint8Array.of(0x03, 0x01);
/** Bytes of an envelope at most: one of a node with 100 addresses has 2 KB. */
const ENVELOPE_MAX_BYTES = 8192;
/** Addresses of one record that are used at most. */
const ADDRESSES_MAX = 64;

/** Signs a record and returns its text, `spr:` and base64url. `seq` is 1 or more: zero would vanish on the wire. */
export function signRecord(
  identity: Identity,
  init: { readonly seq: number; readonly addresses: readonly string[] },
): string {
  const addresses = init.addresses.map(encodeMultiaddr).filter((address) => address !== undefined);
  const payload = Uint8Array.from([
    ...bytesField(1, identity.peerIdBytes),
    ...varintField(2, init.seq),
    ...addresses.flatMap((address) => bytesField(3, bytesField(1, address))),
  ]);
  const envelope = Uint8Array.from([
    ...bytesField(1, identity.publicKey),
    ...bytesField(2, PAYLOAD_TYPE),
    ...bytesField(3, payload),
    ...bytesField(5, identity.sign(signedBytes(payload))),
  ]);
  return URI_PREFIX + Buffer.from(envelope).toString('base64url');
}

/** Decodes and verifies the text of a record. Error: RECORD_INVALID. */
export function openRecord(uri: string): PeerRecord {
  const invalid = (reason: string) =>
    new NodeError('RECORD_INVALID', `The peer record is invalid: ${reason}`, { reason });
  if (!uri.startsWith(URI_PREFIX)) throw invalid('it does not start with spr:');
  const bytes = Uint8Array.from(Buffer.from(uri.slice(URI_PREFIX.length), 'base64url'));
  if (bytes.length > ENVELOPE_MAX_BYTES) throw invalid('it is too long');
  const envelope = readFields(bytes);
  const [publicKey, type, payload, signature] = [1, 2, 3, 5].map((number) => envelope?.bytes.get(number)?.at(-1));
  if (!publicKey || !type || !payload || !signature) throw invalid('it is no signed envelope');
  if (Buffer.compare(type, PAYLOAD_TYPE) !== 0) throw invalid('the envelope holds something else');
  if (!verifySignature(publicKey, signedBytes(payload), signature)) throw invalid('the signature does not verify');
  const record = readFields(payload);
  const peerIdBytes = record?.bytes.get(1)?.at(-1);
  const seq = record?.numbers.get(2);
  if (!record || !peerIdBytes || seq === undefined) throw invalid('it is no peer record');
  if (Buffer.compare(peerIdBytes, peerIdBytesOf(publicKey)) !== 0) throw invalid('it is signed by another peer');
  const infos = (record.bytes.get(3) ?? []).slice(0, ADDRESSES_MAX);
  const addresses = infos.flatMap((info) => {
    const address = readFields(info)?.bytes.get(1)?.at(-1);
    const text = address && decodeMultiaddr(address);
    return text ? [text] : [];
  });
  if (infos.length > 0 && addresses.length === 0) throw invalid('none of its addresses is known');
  return { peerId: encodeBase58(peerIdBytes), seq, addresses };
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
