import { isCodexError, type Random } from '@codex/runtime';
import { expect } from 'vitest';
import { decodeMessage, encodeMessage } from '../src/message/message-codec.ts';
import { decodePacket, encodeHandshake, encodeOrdinary, openMessage } from '../src/packet/packet-codec.ts';
import { RecordReader, SignedRecord } from '../src/record/signed-record.ts';
import { transcript, transcriptNode, unhex } from './vectors.ts';

const EDITS_MAX = 5;
const PIECE_MAX_BYTES = 40;

const packets = transcript.packets.map((packet) => ({ to: transcriptNode(packet.to).id, bytes: unhex(packet.hex) }));
const plaintexts = transcript.packets.flatMap(({ plaintext }) => (plaintext ? [unhex(plaintext)] : []));
const envelopes = transcript.packets.flatMap(({ record }) => (record ? [unhex(record)] : []));

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.int(list.length)] as T;
}

/** Several edits of a valid encoding: bytes changed, cut out, doubled, put in at random. */
function damage(random: Random, seed: Uint8Array): Uint8Array {
  let bytes = Buffer.from(seed);
  for (let edits = 1 + random.int(EDITS_MAX); edits > 0; edits--) {
    const at = random.int(bytes.length + 1);
    const piece = bytes.subarray(at, at + random.int(PIECE_MAX_BYTES));
    const rest = bytes.subarray(at + piece.length);
    switch (random.int(4)) {
      case 0:
        if (at < bytes.length) bytes[at] = random.int(256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), rest]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), piece, piece, rest]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(random.int(10)), bytes.subarray(at)]);
    }
  }
  return bytes;
}

function codedOnly(decode: () => void): void {
  try {
    decode();
  } catch (error) {
    if (!isCodexError(error)) throw error;
    expect(error.code).toMatch(/^(PACKET|MESSAGE|RECORD)_(INVALID|UNKNOWN)$/);
  }
}

/**
 * `runs` rounds of damaged packets, messages and records, and of random ones: each gives a value or a coded error. What
 * decodes as a message encodes, and decodes to the same again.
 */
export function fuzzWire(random: Random, runs: number): void {
  const records = new RecordReader({ capacity: 100 });
  const key = new Uint8Array(16);
  const readMessage = (bytes: Uint8Array) =>
    codedOnly(() => {
      const message = decodeMessage(bytes, records);
      expect(decodeMessage(encodeMessage(message), records)).toEqual(message);
    });
  const readPacket = ({ to, bytes }: (typeof packets)[number]) =>
    codedOnly(() => {
      const packet = decodePacket(to, bytes);
      if (packet.flag === 'whoareyou') return;
      const plaintext = openMessage(key, packet);
      if (plaintext) readMessage(plaintext);
    });
  for (let run = 0; run < runs; run++) {
    const packet = pick(random, packets);
    const plaintext = damage(random, pick(random, plaintexts));
    readPacket({ to: packet.to, bytes: damage(random, packet.bytes) });
    readPacket({ to: packet.to, bytes: random.bytes(random.int(300)) });
    readMessage(plaintext);
    readMessage(Uint8Array.of(random.int(14), ...random.bytes(random.int(100))));
    codedOnly(() => SignedRecord.open(damage(random, pick(random, envelopes))));
    // Any bytes under a right key: whoever has a session can send them.
    const head = { source: packet.to, nonce: random.bytes(12), maskingIv: random.bytes(16), key };
    readPacket({ to: packet.to, bytes: encodeOrdinary(packet.to, head, plaintext) });
    const signature = random.bytes(8 + random.int(65));
    const ephemeralKey = random.bytes(37);
    readPacket({ to: packet.to, bytes: encodeHandshake(packet.to, { ...head, signature, ephemeralKey }, plaintext) });
  }
}
