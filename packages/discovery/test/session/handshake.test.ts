import { seededRandom, systemRandom } from '@codex/runtime';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { describe, expect, it } from 'vitest';
import { Identity, verifySignature } from '../../src/identity/identity.ts';
import { NodeId } from '../../src/identity/node-id.ts';
import { decodeMessage } from '../../src/message/message-codec.ts';
import { decodePacket, encodeHandshake, openMessage } from '../../src/packet/packet-codec.ts';
import { RecordReader, SignedRecord } from '../../src/record/signed-record.ts';
import { secp256k1Curve as curve } from '../../src/session/curve.ts';
import { deriveKeys, idSignatureInput } from '../../src/session/handshake.ts';
import { sharedPoint } from '../../src/session/shared-point.ts';
import { hex, unhex } from '../vectors.ts';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const PREFIX = unhex('08021221');
const asKey = (point: Uint8Array) => Uint8Array.from([...PREFIX, ...point]);
const a = Identity.fromPrivateKey(unhex('fe5f08c842aa946659b266ce68faa5d2fd982634594dccdf7f916e3fcf0541a3'));
const b = Identity.fromPrivateKey(unhex('00064765abe9a4e63b068b5af99c26c61c8ade9bfdae6494873b137ec8152578'));
const CHALLENGE = unhex(
  '00000000000000000000000000000000 646973637635 0001 01 0102030405060708090a0b0c 0018 0102030405060708090a0b0c0d0e0f10 0000000000000000',
);

describe('the vectors of the specification', () => {
  it('id signature: of nonce signing, with a key of 33 bytes, hashed twice', () => {
    const ephemeral = unhex('039961e4c2356d61bedb83052c115d311acb3a96f5777296dcf297351130266231');
    const to = new NodeId(unhex('bbbb9d047f0488c0b5a93c1c3f2d8bafc7c8ff337024a55434a0d0555de64db9'));
    const signer = Identity.fromPrivateKey(unhex('fb757dc581730490a1d7a00deea65e9b1936924caaea8f44d476014856b68736'));
    const input = idSignatureInput(CHALLENGE, ephemeral, to);
    const compact = unhex(
      'db0ae930a460fd767cb26a519221e6be5edc3501865406d8af6d215f87ebf35b07563d891082d97147d9499f49bb86ee399f57367af1b866674f9e54760e3a21',
    );
    expect(hex(secp256k1.sign(input, signer.privateKey))).toBe(hex(compact));
    const der = secp256k1.Signature.fromBytes(compact, 'compact').toBytes('der');
    expect(curve.verify(signer.publicKey, input, der)).toBe(true);
    expect(curve.verify(signer.publicKey, input, curve.sign(signer, input))).toBe(true);
  });

  it('keys', () => {
    const ephemeral = unhex('fb757dc581730490a1d7a00deea65e9b1936924caaea8f44d476014856b68736');
    const peer = asKey(unhex('0317931e6e0840220642f230037d285d122bc59063221ef3226b1f403ddc69ca91'));
    const first = new NodeId(unhex('aaaa8419e9f49d0083561b48287df592939a8d19947d8c0ef88f2a4856a69fbb'));
    const second = new NodeId(unhex('bbbb9d047f0488c0b5a93c1c3f2d8bafc7c8ff337024a55434a0d0555de64db9'));
    const keys = deriveKeys(curve.agree(ephemeral, peer), CHALLENGE, first, second);
    expect(hex(keys.initiatorKey)).toMatch(/^dccc82d8/);
    expect(hex(keys.recipientKey)).toMatch(/^ac74bb87/);
  });

  it('a handshake of A to B, with the record of A', () => {
    const envelope = unhex(
      `0a25 ${hex(a.publicKey)} 1202 0301 1a38 0a27 ${hex(a.peerIdBytes)} 1001 1a0b 0a09 04 7f000001 9102 2328
       2a47 304502210090ff041a285940521e90ee2874967a846cb96dcda67147a1b7c492705efbb86b02204c42833653e7f0d8a219c5a6a50de3e4a0d2242a7043e6cac208514047313edc`,
    );
    expect(envelope.length).toBe(174);
    expect(SignedRecord.open(envelope)).toMatchObject({
      seq: 1,
      peerId: a.peerId,
      udp: { ip: '127.0.0.1', port: 9000 },
    });

    const ephemeral = curve.generate(seededRandom(1));
    const signature = curve.sign(a, idSignatureInput(CHALLENGE, ephemeral.publicKey, b.nodeId));
    const keys = deriveKeys(curve.agree(ephemeral.privateKey, b.publicKey), CHALLENGE, a.nodeId, b.nodeId);
    const head = {
      source: a.nodeId,
      nonce: new Uint8Array(12),
      maskingIv: new Uint8Array(16),
      signature,
      ephemeralKey: ephemeral.publicKey,
      record: envelope,
      key: keys.initiatorKey,
    };
    const packet = decodePacket(b.nodeId, encodeHandshake(b.nodeId, head, unhex('010a040000000112020801')));
    if (packet.flag !== 'handshake') throw new Error(packet.flag);

    // B knows nothing but the challenge and the packet.
    const record = SignedRecord.open(packet.record ?? new Uint8Array());
    expect(record.nodeId.hex).toBe(packet.source.hex);
    const input = idSignatureInput(CHALLENGE, packet.ephemeralKey, b.nodeId);
    expect(curve.verify(record.publicKey, input, packet.signature)).toBe(true);
    const secret = curve.agree(b.privateKey, packet.ephemeralKey);
    const read = deriveKeys(secret, CHALLENGE, packet.source, b.nodeId);
    const plaintext = openMessage(read.initiatorKey, packet);
    expect(decodeMessage(plaintext ?? new Uint8Array(), new RecordReader()).body).toEqual({ kind: 'ping', seq: 1 });
    expect(read).toEqual(keys);
  });
});

describe('the shared point', () => {
  it('is that of another implementation, whatever the sign', () => {
    const signs = new Set<number | undefined>();
    for (let i = 0; i < 60; i++) {
      const scalar = curve.generate(seededRandom(i)).privateKey;
      const peer = curve.generate(seededRandom(1000 + i));
      const point = peer.publicKey.subarray(4);
      const shared = sharedPoint(scalar, point);
      expect(hex(shared)).toBe(hex(secp256k1.getSharedSecret(scalar, point, true)));
      signs.add(shared[0]);
    }
    expect([...signs].sort()).toEqual([2, 3]);
  });

  it('is right at the edges: scalars 1, 2, n − 1, and the generator of the curve', () => {
    const base = secp256k1.Point.BASE;
    for (const scalar of [1n, 2n, ORDER - 1n]) {
      const bytes = unhex(scalar.toString(16).padStart(64, '0'));
      for (const point of [base, base.negate(), base.multiply(2n), base.multiply(12_345n)]) {
        expect(hex(sharedPoint(bytes, point.toBytes(true)))).toBe(hex(point.multiply(scalar).toBytes(true)));
      }
    }
  });

  it('is the same from both sides', () => {
    const one = curve.generate(systemRandom);
    const other = curve.generate(systemRandom);
    expect(curve.agree(one.privateKey, other.publicKey)).toEqual(curve.agree(other.privateKey, one.publicKey));
  });

  it('is refused for keys that are no point of the curve', () => {
    const { privateKey, publicKey } = curve.generate(seededRandom(1));
    const valid = hex(publicKey.subarray(4));
    const keys = [
      ...[`04${valid.slice(2)}`, `05${valid.slice(2)}`, `06${valid.slice(2)}`, '00'.repeat(33)],
      ...[`02${'00'.repeat(31)}05`, `02${'ff'.repeat(32)}`, valid.slice(2), `${valid}00`, ''],
      // x = p + 1: the curve has a point with x = 1, but this is not how it is written.
      '02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30',
    ].map((point) => asKey(unhex(point)));
    for (const key of [...keys, unhex(`08011221${valid}`), new Uint8Array(0)]) {
      expect(() => curve.agree(privateKey, key)).toThrow(expect.objectContaining({ code: 'PEER_KEY_INVALID' }));
    }
  });

  it('takes its scalars from the given source', () => {
    expect(curve.generate(seededRandom(7))).toEqual(curve.generate(seededRandom(7)));
    const { privateKey, publicKey } = curve.generate(seededRandom(7));
    expect(hex(publicKey)).toBe(hex(asKey(secp256k1.getPublicKey(privateKey, true))));
  });
});

describe('signatures', () => {
  const message = unhex('00112233');
  const compactOf = (der: Uint8Array) => secp256k1.Signature.fromBytes(der, 'der');

  it('are refused with a high s, which is as right but not for the reference', () => {
    const { r, s } = compactOf(a.sign(message));
    const low = new secp256k1.Signature(r, s).toBytes('der');
    const high = new secp256k1.Signature(r, ORDER - s).toBytes('der');
    expect(verifySignature(a.publicKey, message, low)).toBe(true);
    expect(verifySignature(a.publicKey, message, high)).toBe(false);
    expect(secp256k1.verify(high, message, a.publicKey.subarray(4), { format: 'der', lowS: false })).toBe(true);
  });

  it('are refused when anything else signs, or anything else is signed', () => {
    const signature = a.sign(message);
    expect(verifySignature(b.publicKey, message, signature)).toBe(false);
    expect(verifySignature(a.publicKey, unhex('00112234'), signature)).toBe(false);
    expect(verifySignature(a.publicKey.subarray(4), message, signature)).toBe(false);
    expect(verifySignature(asKey(unhex(`02${'ff'.repeat(32)}`)), message, signature)).toBe(false);
  });

  it('are refused as any other DER, without an error', () => {
    const valid = a.sign(message);
    const garbage = [
      ...['', '30', '3000', '3006020101020100', '3006020100020101', '30060201ff020101', '3080020101020101'],
      ...[`${hex(valid)}00`, hex(valid).slice(0, -2), `31${hex(valid).slice(2)}`, 'ff'.repeat(72), '00'.repeat(70)],
      // r and s of zero, r above the order, a length in long form.
      `3026022100${'ff'.repeat(32)}020101`,
      `3081${hex(valid).slice(2)}`,
    ];
    for (const der of garbage) expect(verifySignature(a.publicKey, message, unhex(der)), der).toBe(false);
  });
});
