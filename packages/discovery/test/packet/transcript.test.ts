import { describe, expect, it } from 'vitest';
import { Identity } from '../../src/identity/identity.ts';
import type { Message } from '../../src/message/message.ts';
import { decodeMessage, encodeMessage } from '../../src/message/message-codec.ts';
import type { HandshakePacket, OrdinaryPacket } from '../../src/packet/packet.ts';
import {
  decodePacket,
  encodeHandshake,
  encodeOrdinary,
  encodeRandom,
  encodeWhoAreYou,
  openMessage,
} from '../../src/packet/packet-codec.ts';
import { RecordReader } from '../../src/record/signed-record.ts';
import { secp256k1Curve } from '../../src/session/curve.ts';
import { deriveKeys, idSignatureInput } from '../../src/session/handshake.ts';
import { hex, type TranscriptPacket, transcript, transcriptNode, unhex } from '../vectors.ts';

const { packets } = transcript;
const records = new RecordReader();

/** The kinds as the transcript names them. */
const KINDS: Record<Message['body']['kind'], string> = {
  ping: 'PING',
  pong: 'PONG',
  findNode: 'FINDNODE',
  nodes: 'NODES',
  talkRequest: 'TALKREQ',
  talkResponse: 'TALKRESP',
  addProvider: 'ADD_PROVIDER',
  getProviders: 'GET_PROVIDERS',
  providers: 'PROVIDERS',
  findNodeFast: 'FINDNODEFAST',
};

const decode = (packet: TranscriptPacket) => decodePacket(transcriptNode(packet.to).id, unhex(packet.hex));

function expectMessage(packet: TranscriptPacket, decoded: OrdinaryPacket | HandshakePacket): Uint8Array {
  const plaintext = openMessage(unhex(packet.readKey ?? ''), decoded);
  expect(plaintext && hex(plaintext)).toBe(packet.plaintext);
  const message = decodeMessage(plaintext ?? new Uint8Array(), records);
  expect(KINDS[message.body.kind]).toBe(packet.kind);
  expect(hex(encodeMessage(message))).toBe(packet.plaintext);
  expect(openMessage(new Uint8Array(16), decoded)).toBeUndefined();
  return plaintext ?? new Uint8Array();
}

describe('the nodes of the transcript', () => {
  it.each(Object.entries(transcript.nodes))('%s has the ids of its key', (_, node) => {
    const identity = Identity.fromPrivateKey(unhex(node.privateKey));
    expect(hex(identity.peerIdBytes)).toBe(node.peerId);
    expect(identity.nodeId.hex).toBe(node.nodeId);
  });
});

describe('packets of the reference', () => {
  const numbered = packets.map((packet, index) => ({ index, name: packet.kind ?? packet.note ?? 'WHOAREYOU', packet }));

  it.each(numbered.filter(({ packet }) => packet.flag === 0))('$index $name', ({ packet }) => {
    const to = transcriptNode(packet.to).id;
    const decoded = decode(packet);
    if (decoded.flag !== 'ordinary') throw new Error(`It is a packet ${decoded.flag}`);
    expect(decoded.source.hex).toBe(transcriptNode(packet.from).nodeId);
    const head = { source: decoded.source, nonce: decoded.nonce, maskingIv: unhex(packet.hex).subarray(0, 16) };
    if (typeof packet.plaintext !== 'string') {
      expect(packet.note).toContain('random packet without a session');
      expect(decoded.message.length).toBe(20);
      expect(hex(encodeRandom(to, head, decoded.message))).toBe(packet.hex);
      return;
    }
    const plaintext = expectMessage(packet, decoded);
    expect(hex(encodeOrdinary(to, { ...head, key: unhex(packet.readKey ?? '') }, plaintext))).toBe(packet.hex);
  });

  it.each(numbered.filter(({ packet }) => packet.flag === 1))('$index $name', ({ index, packet }) => {
    const decoded = decode(packet);
    if (decoded.flag !== 'whoareyou') throw new Error(`It is a packet ${decoded.flag}`);
    expect(hex(decoded.idNonce)).toBe(packet.idNonce);
    expect(decoded.recordSeq.toString()).toBe(packet.recordSeq);
    const maskingIv = unhex(packet.hex).subarray(0, 16);
    const again = encodeWhoAreYou(transcriptNode(packet.to).id, { ...decoded, maskingIv });
    expect(hex(again.bytes)).toBe(packet.hex);
    expect(again.challengeData).toEqual(decoded.authenticated);
    // It answers a packet of the other side by that packet's nonce.
    const asked = packets.slice(0, index).filter((other) => other.from === packet.to && other.flag === 0);
    expect(asked.map((other) => hex(decode(other).nonce))).toContain(hex(decoded.nonce));
  });

  it.each(numbered.filter(({ packet }) => packet.flag === 2))('$index handshake: $name', ({ index, packet }) => {
    const decoded = decode(packet);
    if (decoded.flag !== 'handshake') throw new Error(`It is a packet ${decoded.flag}`);
    const { signature, ephemeralKey, source, record } = decoded;
    expect([signature, ephemeralKey, record ?? new Uint8Array()].map(hex)).toEqual([
      packet.sig,
      packet.ephKey,
      packet.record,
    ]);
    expect(records.open(record ?? new Uint8Array()).nodeId.hex).toBe(transcriptNode(packet.from).nodeId);

    const to = transcriptNode(packet.to);
    const challenge = packets
      .slice(0, index)
      .findLast((other) => other.flag === 1 && other.from === packet.to && other.to === packet.from);
    if (!challenge) throw new Error('Nobody challenged');
    const challengeData = decode(challenge).authenticated;
    const input = idSignatureInput(challengeData, ephemeralKey, to.id);
    const publicKey = Identity.fromPrivateKey(unhex(transcriptNode(packet.from).privateKey)).publicKey;
    expect(secp256k1Curve.verify(publicKey, input, signature)).toBe(true);
    expect(secp256k1Curve.verify(publicKey, challengeData, signature)).toBe(false);

    const secret = secp256k1Curve.agree(unhex(to.privateKey), ephemeralKey);
    const keys = deriveKeys(secret, challengeData, source, to.id);
    expect(hex(keys.initiatorKey)).toBe(packet.readKey);
    // The recipient writes with the other key from now on.
    const answered = packets.slice(index).find((other) => other.from === packet.to && other.to === packet.from);
    expect(answered?.readKey).toBe(hex(keys.recipientKey));

    const plaintext = expectMessage(packet, decoded);
    const head = { ...decoded, maskingIv: unhex(packet.hex).subarray(0, 16), key: keys.initiatorKey };
    expect(hex(encodeHandshake(to.id, head, plaintext))).toBe(packet.hex);
  });

  it('are all there', () => {
    expect(packets.length).toBe(117);
    expect([0, 1, 2].map((flag) => packets.filter((packet) => packet.flag === flag).length)).toEqual([105, 6, 6]);
    const messages = packets.filter((packet) => packet.plaintext).length;
    expect(messages).toBe(105);
  });

  it('are for nobody else', () => {
    for (const packet of packets) {
      for (const other of Object.keys(transcript.nodes).filter((name) => name !== packet.to)) {
        expect(() => decodePacket(transcriptNode(other).id, unhex(packet.hex))).toThrow(
          expect.objectContaining({ code: 'PACKET_INVALID' }),
        );
      }
    }
  });
});
