import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { DiscoveryError } from '../errors.ts';
import { NODE_ID_BYTES, NodeId } from '../identity/node-id.ts';
import {
  type HandshakePacket,
  ID_NONCE_BYTES,
  MASKING_IV_BYTES,
  NONCE_BYTES,
  type OrdinaryPacket,
  PACKET_MAX_BYTES,
  PACKET_MIN_BYTES,
  type Packet,
} from './packet.ts';

/** `discv5`, version 1 (05 §3). */
const PROTOCOL = Uint8Array.of(0x64, 0x69, 0x73, 0x63, 0x76, 0x35, 0x00, 0x01);
const ORDINARY = 0;
const WHOAREYOU = 1;
const HANDSHAKE = 2;

/** Where things stand in iv ‖ header. */
const FLAG_AT = MASKING_IV_BYTES + PROTOCOL.length;
const NONCE_AT = FLAG_AT + 1;
const SIZE_AT = NONCE_AT + NONCE_BYTES;
const AUTHDATA_AT = SIZE_AT + 2;

const WHOAREYOU_AUTHDATA_BYTES = ID_NONCE_BYTES + 8;
const HANDSHAKE_SIZES_AT = AUTHDATA_AT + NODE_ID_BYTES;
const HANDSHAKE_SIGNATURE_AT = HANDSHAKE_SIZES_AT + 2;
/** A protobuf of a compressed secp256k1 key. */
const EPHEMERAL_KEY_BYTES = 37;
/** DER of two integers, of 1 byte at least and 33 at most. */
const SIGNATURE_MIN_BYTES = 8;
const SIGNATURE_MAX_BYTES = 72;

/** AES-128 in both uses: CTR masks the header, GCM seals the message. */
const KEY_BYTES = 16;
const TAG_BYTES = 16;

// Keys are made into objects first: ciphers take them three times as fast as bytes, which they try as objects in vain.

interface Head {
  readonly nonce: Uint8Array;
  readonly maskingIv: Uint8Array;
}

/** A message of a session; `key` is the sender's write key, 16 bytes. */
export function encodeOrdinary(
  to: NodeId,
  head: Head & { readonly source: NodeId; readonly key: Uint8Array },
  plaintext: Uint8Array,
): Uint8Array {
  const clear = startPacket(ORDINARY, head, NODE_ID_BYTES);
  clear.set(head.source.bytes, AUTHDATA_AT);
  return assemble(to, clear, seal(head, clear, plaintext));
}

/** What is sent when there are no keys, to be asked WHOAREYOU; `random` stands for the message and has 17 bytes or more. */
export function encodeRandom(to: NodeId, head: Head & { readonly source: NodeId }, random: Uint8Array): Uint8Array {
  const clear = startPacket(ORDINARY, head, NODE_ID_BYTES);
  clear.set(head.source.bytes, AUTHDATA_AT);
  return assemble(to, clear, random);
}

/** The challenge to a packet that could not be read; `nonce` is that packet's. `challengeData` (63 bytes) enters the keys. */
export function encodeWhoAreYou(
  to: NodeId,
  head: Head & { readonly idNonce: Uint8Array; readonly recordSeq: bigint },
): { readonly bytes: Uint8Array; readonly challengeData: Uint8Array } {
  const clear = startPacket(WHOAREYOU, head, WHOAREYOU_AUTHDATA_BYTES);
  clear.set(head.idNonce, AUTHDATA_AT);
  new DataView(clear.buffer).setBigUint64(AUTHDATA_AT + ID_NONCE_BYTES, head.recordSeq);
  return { bytes: assemble(to, clear, new Uint8Array(0)), challengeData: clear };
}

/** The answer to a challenge, with the first message of the session. `key` is the initiator's. */
export function encodeHandshake(
  to: NodeId,
  head: Head & {
    readonly source: NodeId;
    readonly signature: Uint8Array;
    readonly ephemeralKey: Uint8Array;
    readonly record?: Uint8Array | undefined;
    readonly key: Uint8Array;
  },
  plaintext: Uint8Array,
): Uint8Array {
  const { signature, ephemeralKey, record } = head;
  const keyAt = HANDSHAKE_SIGNATURE_AT + signature.length;
  const recordAt = keyAt + ephemeralKey.length;
  const clear = startPacket(HANDSHAKE, head, recordAt + (record?.length ?? 0) - AUTHDATA_AT);
  clear.set(head.source.bytes, AUTHDATA_AT);
  clear[HANDSHAKE_SIZES_AT] = signature.length;
  clear[HANDSHAKE_SIZES_AT + 1] = ephemeralKey.length;
  clear.set(signature, HANDSHAKE_SIGNATURE_AT);
  clear.set(ephemeralKey, keyAt);
  if (record) clear.set(record, recordAt);
  return assemble(to, clear, seal(head, clear, plaintext));
}

/**
 * Unmasks a packet that came for `local`. `message` is a view of `bytes`, everything else is a copy. Error: PACKET_INVALID
 * with `data.reason`.
 */
export function decodePacket(local: NodeId, bytes: Uint8Array): Packet {
  if (bytes.length < PACKET_MIN_BYTES) throw invalid('too short');
  if (bytes.length > PACKET_MAX_BYTES) throw invalid('too long');
  const iv = bytes.subarray(0, MASKING_IV_BYTES);
  const mask = createDecipheriv('aes-128-ctr', createSecretKey(local.bytes.subarray(0, KEY_BYTES)), iv);
  const fixed = mask.update(bytes.subarray(MASKING_IV_BYTES, AUTHDATA_AT));
  for (let i = 0; i < PROTOCOL.length; i++) if (fixed[i] !== PROTOCOL[i]) throw invalid('another protocol or version');
  const size = fixed.readUInt16BE(SIZE_AT - MASKING_IV_BYTES);
  const end = AUTHDATA_AT + size;
  if (end > bytes.length) throw invalid('cut off');

  const clear = new Uint8Array(end);
  clear.set(iv);
  clear.set(fixed, MASKING_IV_BYTES);
  clear.set(mask.update(bytes.subarray(AUTHDATA_AT, end)), AUTHDATA_AT);
  const common = { nonce: clear.subarray(NONCE_AT, SIZE_AT), authenticated: clear };
  const message = bytes.subarray(end);
  const flag = clear[FLAG_AT];

  if (flag === WHOAREYOU) {
    if (size !== WHOAREYOU_AUTHDATA_BYTES) throw invalid('authdata of a wrong size');
    if (message.length > 0) throw invalid('something follows');
    const idNonce = clear.subarray(AUTHDATA_AT, AUTHDATA_AT + ID_NONCE_BYTES);
    const recordSeq = new DataView(clear.buffer).getBigUint64(AUTHDATA_AT + ID_NONCE_BYTES);
    return { flag: 'whoareyou', ...common, idNonce, recordSeq };
  }
  if (flag !== ORDINARY && flag !== HANDSHAKE) throw invalid('unknown flag');
  if (flag === ORDINARY ? size !== NODE_ID_BYTES : end < HANDSHAKE_SIGNATURE_AT) {
    throw invalid('authdata of a wrong size');
  }
  if (message.length <= TAG_BYTES) throw invalid('no message');
  // Ids are kept for long: a view would keep the whole header.
  const source = new NodeId(clear.slice(AUTHDATA_AT, AUTHDATA_AT + NODE_ID_BYTES));
  if (flag === ORDINARY) return { flag: 'ordinary', ...common, source, message };

  const signatureSize = clear[HANDSHAKE_SIZES_AT] ?? 0;
  const keyAt = HANDSHAKE_SIGNATURE_AT + signatureSize;
  const recordAt = keyAt + EPHEMERAL_KEY_BYTES;
  if (signatureSize < SIGNATURE_MIN_BYTES || signatureSize > SIGNATURE_MAX_BYTES) throw invalid('bad signature size');
  if (clear[HANDSHAKE_SIZES_AT + 1] !== EPHEMERAL_KEY_BYTES) throw invalid('bad key size');
  if (recordAt > end) throw invalid('authdata of a wrong size');
  const signature = clear.subarray(HANDSHAKE_SIGNATURE_AT, keyAt);
  const ephemeralKey = clear.subarray(keyAt, recordAt);
  const record = recordAt < end ? clear.subarray(recordAt) : undefined;
  return { flag: 'handshake', ...common, source, signature, ephemeralKey, record, message };
}

/** The plaintext of a packet; undefined when it does not authenticate under `key` (16 bytes). */
export function openMessage(key: Uint8Array, packet: OrdinaryPacket | HandshakePacket): Uint8Array | undefined {
  const end = packet.message.length - TAG_BYTES;
  const cipher = createDecipheriv('aes-128-gcm', createSecretKey(key), packet.nonce);
  cipher.setAAD(packet.authenticated);
  cipher.setAuthTag(packet.message.subarray(end));
  const plaintext = cipher.update(packet.message.subarray(0, end));
  try {
    cipher.final();
  } catch {
    return undefined;
  }
  // Not a Buffer, whose `slice` does not copy.
  return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
}

/** masking iv ‖ header in clear, with room for the authdata. */
function startPacket(flag: number, head: Head, authdataBytes: number): Uint8Array<ArrayBuffer> {
  const clear = new Uint8Array(AUTHDATA_AT + authdataBytes);
  clear.set(head.maskingIv);
  clear.set(PROTOCOL, MASKING_IV_BYTES);
  clear[FLAG_AT] = flag;
  clear.set(head.nonce, NONCE_AT);
  clear[SIZE_AT] = authdataBytes >> 8;
  clear[SIZE_AT + 1] = authdataBytes & 0xff;
  return clear;
}

function seal(
  head: { readonly nonce: Uint8Array; readonly key: Uint8Array },
  clear: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv('aes-128-gcm', createSecretKey(head.key), head.nonce);
  cipher.setAAD(clear);
  const sealed = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([sealed, cipher.getAuthTag()]);
}

function assemble(to: NodeId, clear: Uint8Array, message: Uint8Array): Uint8Array {
  const mask = createCipheriv(
    'aes-128-ctr',
    createSecretKey(to.bytes.subarray(0, KEY_BYTES)),
    clear.subarray(0, MASKING_IV_BYTES),
  );
  const packet = new Uint8Array(clear.length + message.length);
  packet.set(clear.subarray(0, MASKING_IV_BYTES));
  packet.set(mask.update(clear.subarray(MASKING_IV_BYTES)), MASKING_IV_BYTES);
  packet.set(message, clear.length);
  return packet;
}

function invalid(reason: string): DiscoveryError {
  return new DiscoveryError('PACKET_INVALID', `A packet is malformed: ${reason}`, { reason });
}
