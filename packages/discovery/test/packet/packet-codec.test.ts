import { createCipheriv } from 'node:crypto';
import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../src/identity/identity.ts';
import { NodeId } from '../../src/identity/node-id.ts';
import { PACKET_MAX_BYTES, PACKET_MIN_BYTES } from '../../src/packet/packet.ts';
import {
  decodePacket,
  encodeHandshake,
  encodeOrdinary,
  encodeRandom,
  encodeWhoAreYou,
  openMessage,
} from '../../src/packet/packet-codec.ts';
import { hex, unhex } from '../vectors.ts';

/** The ids of 05 §1. */
const A = new NodeId(unhex('a3646e4d56478a29147fbe110b557bbfabb9d01860069dc4004a694d74bee342'));
const B = new NodeId(unhex('b925a99248062196a94e09c1f1fe138163608dc40a6b3b0e8f44b2290d602b47'));
const zero = (length: number) => new Uint8Array(length);

const ORDINARY = unhex(
  '00000000000000000000000000000000 3788c1e1079e89374c4beac74d76364dbd9e8cd1847adc2f49fbacc6862425583586c023b19b6fdd1d836777ee39fee87afd279a5fe4ffdd21ed1a6d388207f00b48115b8ee4e8eaf675b0865821e12636bc',
);
const WHOAREYOU = unhex(
  '00000000000000000000000000000000 3788c1e1079e89374d4beac74d76364dbd9e8cd1847ae48d2f96e595c7a904454033dd25eaefc076a4537f17e8a43a',
);

const refused = (bytes: Uint8Array, reason?: string) =>
  expect(() => decodePacket(B, bytes)).toThrow(
    expect.objectContaining({ code: 'PACKET_INVALID', data: reason ? { reason } : expect.anything() }),
  );

/** A packet to B with any header at all, masked as it should be. */
function masked(header: Uint8Array, message = zero(0)): Uint8Array {
  const iv = zero(16);
  const cipher = createCipheriv('aes-128-ctr', B.bytes.subarray(0, 16), iv);
  return Buffer.concat([iv, cipher.update(header), message]);
}

const header = (flag: number, authdata: Uint8Array, size = authdata.length) =>
  Buffer.concat([unhex('6469736376350001'), Uint8Array.of(flag), zero(12), Uint8Array.of(size >> 8, size), authdata]);

const message = zero(17);
const handshakeAuthdata = (init: { signature?: number; key?: number; rest?: number }) =>
  Buffer.concat([
    A.bytes,
    Uint8Array.of(init.signature ?? 70, init.key ?? 37),
    zero(init.rest ?? (init.signature ?? 70) + (init.key ?? 37)),
  ]);

describe('the vectors of the specification', () => {
  it('ids', () => {
    const a = Identity.fromPrivateKey(unhex('fe5f08c842aa946659b266ce68faa5d2fd982634594dccdf7f916e3fcf0541a3'));
    const b = Identity.fromPrivateKey(unhex('00064765abe9a4e63b068b5af99c26c61c8ade9bfdae6494873b137ec8152578'));
    expect(hex(a.publicKey.subarray(4))).toBe('0375dea2b0552bb77de18f4ba8360997d1afa51c4fbe1a792a44002f93725b3e53');
    expect(a.peerId).toBe('16Uiu2HAmLb6x8CmU6v6Mopiftir16SeBnhcat5dWwKCxbs3P8oRt');
    expect([a.nodeId.hex, b.nodeId.hex]).toEqual([A.hex, B.hex]);
  });

  it('an ordinary packet', () => {
    const packet = decodePacket(B, ORDINARY);
    if (packet.flag !== 'ordinary') throw new Error(packet.flag);
    expect(packet.source.hex).toBe(A.hex);
    const plaintext = openMessage(zero(16), packet);
    expect(plaintext && hex(plaintext)).toBe('010a040000000112020802');
    const head = { source: A, nonce: packet.nonce, maskingIv: zero(16), key: zero(16) };
    expect(hex(encodeOrdinary(B, head, plaintext ?? zero(0)))).toBe(hex(ORDINARY));
  });

  it('WHOAREYOU, to the last byte', () => {
    const packet = decodePacket(B, WHOAREYOU);
    if (packet.flag !== 'whoareyou') throw new Error(packet.flag);
    expect(hex(packet.idNonce)).toBe('0102030405060708090a0b0c0d0e0f10');
    expect(packet.recordSeq).toBe(0n);
    expect(hex(packet.nonce)).toBe('0102030405060708090a0b0c');
    expect(hex(packet.authenticated)).toBe(
      `${'00'.repeat(16)}6469736376350001010102030405060708090a0b0c00180102030405060708090a0b0c0d0e0f100000000000000000`,
    );
    expect(hex(encodeWhoAreYou(B, { ...packet, maskingIv: zero(16) }).bytes)).toBe(hex(WHOAREYOU));
    refused(Buffer.concat([WHOAREYOU, zero(1)]), 'something follows');
  });

  it('WHOAREYOU with the highest seq', () => {
    const sent = encodeWhoAreYou(B, {
      nonce: zero(12),
      maskingIv: zero(16),
      idNonce: zero(16),
      recordSeq: 2n ** 64n - 1n,
    });
    expect(decodePacket(B, sent.bytes)).toMatchObject({ recordSeq: 2n ** 64n - 1n, authenticated: sent.challengeData });
  });
});

describe('malformed packets', () => {
  it('too short or too long', () => {
    for (let length = 0; length < PACKET_MIN_BYTES; length++) refused(ORDINARY.subarray(0, length), 'too short');
    refused(zero(PACKET_MAX_BYTES + 1), 'too long');
  });

  it('another protocol, version, flag', () => {
    refused(masked(Buffer.concat([unhex('646973637634'), zero(60)]), message), 'another protocol or version');
    const version = header(0, A.bytes);
    version[7] = 2;
    refused(masked(version, message), 'another protocol or version');
    refused(masked(header(3, A.bytes), message), 'unknown flag');
    refused(masked(header(255, A.bytes), message), 'unknown flag');
  });

  it('authdata that is not what the flag says', () => {
    for (const size of [0, 24, 31, 33]) refused(masked(header(0, zero(size)), zero(40)), 'authdata of a wrong size');
    for (const size of [23, 25, 32]) refused(masked(header(1, zero(size)), zero(1)), 'authdata of a wrong size');
    for (const size of [0, 24, 33]) refused(masked(header(2, zero(size)), zero(40)), 'authdata of a wrong size');
    refused(masked(header(0, A.bytes, 50), message), 'cut off');
    refused(masked(header(0, A.bytes, 65_535), message), 'cut off');
  });

  it('no message, or a tag without one', () => {
    for (const length of [0, 15, 16]) refused(masked(header(0, A.bytes), zero(length)), 'no message');
    refused(masked(header(2, handshakeAuthdata({})), zero(16)), 'no message');
  });

  it('a handshake whose parts do not fit', () => {
    for (const signature of [0, 7, 73, 255]) {
      refused(masked(header(2, handshakeAuthdata({ signature })), message), 'bad signature size');
    }
    for (const key of [0, 33, 36, 38, 64])
      refused(masked(header(2, handshakeAuthdata({ key })), message), 'bad key size');
    refused(masked(header(2, handshakeAuthdata({ rest: 106 })), message), 'authdata of a wrong size');
    const bare = decodePacket(B, masked(header(2, handshakeAuthdata({})), message));
    expect(bare).toMatchObject({ flag: 'handshake', record: undefined });
    const rich = decodePacket(B, masked(header(2, handshakeAuthdata({ rest: 108 })), message));
    expect(rich).toMatchObject({ flag: 'handshake', record: zero(1) });
  });

  it('every cut and every changed bit of a packet is refused or does not authenticate', () => {
    const head = { source: A, nonce: zero(12), maskingIv: zero(16), key: zero(16) };
    const whole = [
      ORDINARY,
      encodeHandshake(B, { ...head, signature: zero(70), ephemeralKey: zero(37), record: zero(20) }, zero(9)),
    ];
    const harmless = (bytes: Uint8Array) => {
      try {
        const packet = decodePacket(B, bytes);
        return packet.flag === 'whoareyou' || openMessage(head.key, packet) === undefined;
      } catch (error) {
        return (error as { code?: string }).code === 'PACKET_INVALID';
      }
    };
    for (const bytes of whole) {
      for (let length = 0; length < bytes.length; length++) expect(harmless(bytes.subarray(0, length))).toBe(true);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = bytes.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(harmless(changed)).toBe(true);
      }
    }
  });
});

describe('packets', () => {
  const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const head = fc.record({
    source: bytesOf(32).map((bytes) => new NodeId(bytes)),
    nonce: bytesOf(12),
    maskingIv: bytesOf(16),
    key: bytesOf(16),
  });

  it('come back as they were sent', () => {
    fc.assert(
      fc.property(head, bytesOf(32), fc.uint8Array({ minLength: 1, maxLength: 2000 }), (head, to, plaintext) => {
        const id = new NodeId(to);
        const packet = decodePacket(id, encodeOrdinary(id, head, plaintext));
        if (packet.flag !== 'ordinary') throw new Error(packet.flag);
        expect([packet.source.hex, hex(packet.nonce)]).toEqual([head.source.hex, hex(head.nonce)]);
        expect(hex(openMessage(head.key, packet) ?? zero(0))).toBe(hex(plaintext));
      }),
    );
  });

  it('come back from a handshake', () => {
    const parts = fc.record({
      signature: fc.uint8Array({ minLength: 8, maxLength: 72 }),
      ephemeralKey: bytesOf(37),
      record: fc.option(fc.uint8Array({ minLength: 1, maxLength: 400 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(head, parts, fc.uint8Array({ minLength: 1, maxLength: 200 }), (head, parts, plaintext) => {
        const packet = decodePacket(B, encodeHandshake(B, { ...head, ...parts }, plaintext));
        if (packet.flag !== 'handshake') throw new Error(packet.flag);
        expect(packet.source.hex).toBe(head.source.hex);
        expect(packet).toMatchObject(parts);
        expect(hex(openMessage(head.key, packet) ?? zero(0))).toBe(hex(plaintext));
      }),
    );
  });

  it('keep nothing of the datagram but the message', () => {
    const bytes = ORDINARY.slice();
    const packet = decodePacket(B, bytes);
    const before = hex(packet.authenticated);
    bytes.fill(0);
    expect([hex(packet.authenticated), packet.flag === 'ordinary' && packet.source.hex]).toEqual([before, A.hex]);
  });

  it('of random bytes are refused', () => {
    const random = seededRandom(5);
    for (let i = 0; i < 2000; i++) refused(random.bytes(random.int(400)));
    const head = { source: A, nonce: zero(12), maskingIv: zero(16) };
    const packet = decodePacket(B, encodeRandom(B, head, random.bytes(20)));
    expect(packet.flag === 'ordinary' && openMessage(zero(16), packet)).toBe(undefined);
  });
});
