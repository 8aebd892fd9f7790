import { bytesKey, ProtoReader, ProtoWriter, varintKey } from '@codex/content';
import { CodexError } from '@codex/runtime';
import type { Endpoint } from '../datagram/datagram.ts';
import { DiscoveryError } from '../errors.ts';
import { NODE_ID_BYTES, NodeId } from '../identity/node-id.ts';
import { endpointIp, ipBytes, ipText, withoutMapping } from '../record/ip-bytes.ts';
import type { RecordReader, SignedRecord } from '../record/signed-record.ts';
import { type Message, type MessageBody, REQUEST_ID_MAX_BYTES } from './message.ts';

/** 05 §4. 07–0A are topic messages, which nobody speaks. */
const KIND = {
  ping: 0x01,
  pong: 0x02,
  findNode: 0x03,
  nodes: 0x04,
  talkRequest: 0x05,
  talkResponse: 0x06,
  addProvider: 0x0b,
  getProviders: 0x0c,
  providers: 0x0d,
  findNodeFast: 0x83,
} as const satisfies Record<MessageBody['kind'], number>;
const KIND_OF = new Map<number, MessageBody['kind']>(
  Object.entries(KIND).map(([kind, byte]) => [byte, kind as MessageBody['kind']]),
);

/** The reference numbers the families so, against every habit. */
const FAMILY_IPV6 = 0;
const FAMILY_IPV4 = 1;

/** Every distance once, 0 … 256: more are repetitions. */
const DISTANCES_MAX = 257;
/** Records in one message: what the reference puts into one PROVIDERS. */
const RECORDS_MAX = 200;
/**
 * Records of one message whose signatures are verified: 16 take some 5 ms, in which nothing else runs. Known ones do not
 * count; the rest is left out, and comes in another answer after these are known.
 */
const RECORDS_VERIFIED_MAX = 16;

/** kind ‖ protobuf. Zeros are written: the reference requires every field. */
export function encodeMessage({ requestId, body }: Message): Uint8Array {
  const encoded = new ProtoWriter().bytes(1, requestId).message(2, encodeBody(body)).finish();
  const bytes = new Uint8Array(1 + encoded.length);
  bytes[0] = KIND[body.kind];
  bytes.set(encoded, 1);
  return bytes;
}

/**
 * Reads a message; byte strings are copies. Records are verified through `records`, and one that does not verify spoils the
 * message. Unknown fields are skipped, of a repeated scalar the last counts. Errors: MESSAGE_INVALID with `data.reason`,
 * MESSAGE_UNKNOWN for a kind that is not spoken here.
 */
export function decodeMessage(bytes: Uint8Array, records: RecordReader): Message {
  const kind = KIND_OF.get(bytes[0] ?? -1);
  if (bytes.length === 0) throw invalid('empty');
  if (!kind) {
    throw new DiscoveryError('MESSAGE_UNKNOWN', `There is no message of kind ${bytes[0]}`, { kind: bytes[0] });
  }
  try {
    const fields = readFields(new ProtoReader(bytes.subarray(1)));
    const requestId = required(fields, 1);
    if (requestId.length === 0 || requestId.length > REQUEST_ID_MAX_BYTES) throw invalid('bad request id');
    const body = decodeBody(kind, readFields(new ProtoReader(required(fields, 2))), records);
    return { requestId: copy(requestId), body };
  } catch (cause) {
    if (!(cause instanceof CodexError) || cause.code === 'MESSAGE_INVALID') throw cause;
    throw new DiscoveryError('MESSAGE_INVALID', `A message is malformed: ${cause.message}`, cause.data, { cause });
  }
}

function encodeBody(body: MessageBody): ProtoWriter {
  const writer = new ProtoWriter();
  switch (body.kind) {
    case 'ping':
      return writer.uint(1, body.seq);
    case 'pong':
      return encodePong(writer.uint(1, body.seq), body.endpoint);
    case 'findNode':
      for (const distance of body.distances) writer.bytes(1, uint16(distance));
      return writer;
    case 'findNodeFast':
      return writer.bytes(1, body.target.bytes);
    case 'talkRequest':
      return writer.bytes(1, body.protocol).bytes(2, body.request);
    case 'talkResponse':
      return writer.bytes(2, body.response);
    case 'getProviders':
      return writer.bytes(1, body.content.bytes);
    case 'addProvider':
      return writer.bytes(1, body.content.bytes).bytes(2, body.record.envelope);
    case 'nodes':
    case 'providers':
      writer.uint(1, body.total);
      for (const record of body.records) writer.bytes(2, record.envelope);
      return writer;
  }
}

function encodePong(writer: ProtoWriter, { ip, port }: Endpoint): ProtoWriter {
  const address = ipBytes(endpointIp(ip) ?? '');
  if (!address) throw new RangeError(`${ip} is no IP address`);
  const family = address.length === 4 ? FAMILY_IPV4 : FAMILY_IPV6;
  const inner = new ProtoWriter().bytes(1, Uint8Array.of(family)).bytes(2, address);
  return writer.message(2, inner).bytes(3, uint16(port));
}

function decodeBody(kind: MessageBody['kind'], fields: Fields, records: RecordReader): MessageBody {
  switch (kind) {
    case 'ping':
      return { kind, seq: requiredNumber(fields, 1) };
    case 'pong':
      return { kind, seq: requiredNumber(fields, 1), endpoint: decodeEndpoint(fields) };
    case 'findNode': {
      const distances = fields.bytes.get(1) ?? [];
      if (distances.length === 0 || distances.length > DISTANCES_MAX) throw invalid('bad number of distances');
      return { kind, distances: distances.map(readUint16) };
    }
    case 'findNodeFast':
      return { kind, target: nodeId(required(fields, 1)) };
    case 'talkRequest':
      return { kind, protocol: copy(required(fields, 1)), request: copy(required(fields, 2)) };
    case 'talkResponse':
      return { kind, response: copy(required(fields, 2)) };
    case 'getProviders':
      return { kind, content: nodeId(required(fields, 1)) };
    case 'addProvider':
      return { kind, content: nodeId(required(fields, 1)), record: records.open(required(fields, 2)) };
    case 'nodes':
    case 'providers':
      return { kind, total: requiredNumber(fields, 1), records: openRecords(fields.bytes.get(2) ?? [], records) };
  }
}

function openRecords(envelopes: readonly Uint8Array[], records: RecordReader): readonly SignedRecord[] {
  if (envelopes.length > RECORDS_MAX) throw invalid('too many records');
  let verified = 0;
  return envelopes.flatMap((envelope) => {
    const known = records.known(envelope);
    if (known) return [known];
    return verified++ < RECORDS_VERIFIED_MAX ? [records.open(envelope)] : [];
  });
}

function decodeEndpoint(fields: Fields): Endpoint {
  const address = readFields(new ProtoReader(required(fields, 2)));
  const family = required(address, 1);
  const bytes = required(address, 2);
  const length = family[0] === FAMILY_IPV4 ? 4 : 16;
  const ip = ipText(withoutMapping(bytes));
  if (family.length !== 1 || (family[0] ?? 0) > FAMILY_IPV4 || bytes.length !== length || !ip) {
    throw invalid('bad address');
  }
  return { ip, port: readUint16(required(fields, 3)) };
}

interface Fields {
  /** Of length-delimited fields, all values: views. */
  readonly bytes: Map<number, Uint8Array[]>;
  /** Of varint fields the last value. */
  readonly numbers: Map<number, number>;
}

/** No message has fields above 3: others are skipped without being kept. */
const FIELDS_MAX = 3;

function readFields(reader: ProtoReader): Fields {
  const fields: Fields = { bytes: new Map(), numbers: new Map() };
  while (reader.next()) {
    for (let field = 1; field <= FIELDS_MAX; field++) {
      if (reader.key === varintKey(field)) fields.numbers.set(field, reader.uint());
      if (reader.key !== bytesKey(field)) continue;
      const list = fields.bytes.get(field);
      if (list) list.push(reader.bytes());
      else fields.bytes.set(field, [reader.bytes()]);
    }
  }
  return fields;
}

function required(fields: Fields, field: number): Uint8Array {
  const value = fields.bytes.get(field)?.at(-1);
  if (!value) throw invalid(`field ${field} is missing`);
  return value;
}

function requiredNumber(fields: Fields, field: number): number {
  const value = fields.numbers.get(field);
  if (value === undefined) throw invalid(`field ${field} is missing`);
  return value;
}

/** `slice` of a Buffer would be a view. */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function nodeId(bytes: Uint8Array): NodeId {
  if (bytes.length !== NODE_ID_BYTES) throw invalid('bad id');
  return new NodeId(copy(bytes));
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function readUint16(bytes: Uint8Array): number {
  if (bytes.length !== 2) throw invalid('a number that has not 2 bytes');
  return (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
}

function invalid(reason: string): DiscoveryError {
  return new DiscoveryError('MESSAGE_INVALID', `A message is malformed: ${reason}`, { reason });
}
