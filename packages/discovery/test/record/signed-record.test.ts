import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProtoWriter } from '@codex/content';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../src/identity/identity.ts';
import { decodeMultiaddr, encodeMultiaddr } from '../../src/record/multiaddr-bytes.ts';
import { reachOf } from '../../src/record/reach.ts';
import { RecordReader, SignedRecord } from '../../src/record/signed-record.ts';
import { encodeVarint } from '../../src/record/varint.ts';

interface Vector {
  readonly privKeyRaw: string;
  readonly pubKeyProtobuf: string;
  readonly peerId: string;
  readonly seqNo: number;
  readonly addrs: string[];
  readonly addrsHex: string[];
  readonly envelope: string;
  readonly spr: string;
  readonly nodeIdHex: string;
}
const vectors: Vector[] = JSON.parse(readFileSync(join(import.meta.dirname, '../vectors/spr.json'), 'utf8')).records;

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');
const fields = ({ peerId, seq, addresses }: SignedRecord) => ({ peerId, seq, addresses });

describe('records of the reference', () => {
  it.each(vectors)('$addrs, seq $seqNo', (vector) => {
    const identity = Identity.fromPrivateKey(Buffer.from(vector.privKeyRaw, 'hex'));
    expect(hex(identity.publicKey)).toBe(vector.pubKeyProtobuf);
    expect(identity.peerId).toBe(vector.peerId);
    expect(fields(SignedRecord.parse(vector.spr))).toEqual({
      peerId: vector.peerId,
      seq: vector.seqNo,
      addresses: vector.addrs,
    });
    expect(vector.addrs.map((address) => hex(encodeMultiaddr(address)))).toEqual(vector.addrsHex);

    const ours = SignedRecord.sign(identity, { seq: vector.seqNo, addresses: vector.addrs });
    expect(hex(ours.envelope)).toBe(vector.envelope);
    expect(ours.uri).toBe(vector.spr);
    expect(fields(SignedRecord.parse(ours.uri))).toEqual(fields(SignedRecord.parse(vector.spr)));
    expect(ours.nodeId.hex).toBe(vector.nodeIdHex.padStart(64, '0'));
  });
});

describe('records', () => {
  it('do not open when a single bit is changed', () => {
    const record = SignedRecord.sign(Identity.generate(), { seq: 1, addresses: ['/ip4/1.2.3.4/tcp/5'] });
    const bytes = Buffer.from(record.envelope);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        expect(() => SignedRecord.parse(`spr:${changed.toString('base64url')}`)).toThrow(
          expect.objectContaining({ code: 'RECORD_INVALID' }),
        );
      }),
    );
  });

  it('refuse any other text with a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => SignedRecord.parse(`spr:${Buffer.from(bytes).toString('base64url')}`)).toThrow(
          expect.objectContaining({ code: 'RECORD_INVALID' }),
        );
      }),
    );
    expect(() => SignedRecord.parse('enr:abc')).toThrow(expect.objectContaining({ code: 'RECORD_INVALID' }));
  });

  it('have low-S signatures only', () => {
    const half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
    const identity = Identity.generate();
    for (let i = 0; i < 50; i++) {
      const signature = identity.sign(Uint8Array.of(i));
      const sAt = 4 + (signature[3] ?? 0);
      expect(BigInt(`0x${hex(signature.subarray(sAt + 2))}`)).toBeLessThanOrEqual(half);
    }
  });

  it('carry addresses of both families', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.constantFrom('::1', '2001:db8::7:0:0:1', 'fe80::', '1:2:3:4:5:6:7:8')),
        fc.nat(65_535),
        (host, port) => {
          const address = `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`;
          const bytes = encodeMultiaddr(address);
          expect(bytes && decodeMultiaddr(bytes)).toBe(address);
        },
      ),
    );
  });
});

/** An envelope of any payload, signed as it should be. */
function envelopeOf(
  payload: Uint8Array,
  init: { type?: Uint8Array; signature?: (signed: Uint8Array) => Uint8Array } = {},
) {
  const type = init.type ?? Uint8Array.of(3, 1);
  const domain = Buffer.from('libp2p-peer-record');
  const signed = Buffer.concat(
    [domain, type, payload].flatMap((part) => [Uint8Array.from(encodeVarint(part.length)), part]),
  );
  const signature = init.signature?.(signed) ?? identity.sign(signed);
  return new ProtoWriter().bytes(1, identity.publicKey).bytes(2, type).bytes(3, payload).bytes(5, signature).finish();
}

const identity = Identity.generate();
const proto = () => new ProtoWriter();
const payloadOf = (...addresses: string[]) => {
  const writer = proto().bytes(1, identity.peerIdBytes).uint(2, 1);
  for (const address of addresses) writer.message(3, proto().bytes(1, Buffer.from(address, 'hex')));
  return writer.finish();
};
const IP4_UDP = '0401020304910203e8';
const IP4_TCP = '04050607080603e9';
const MAPPED_UDP = `2900000000000000000000ffff01020304910203ea`;
const IP6_UDP = '2920010db8000000000000000000000001910203eb';

const refused = (envelope: Uint8Array, reason?: string) =>
  expect(() => SignedRecord.open(envelope)).toThrow(
    expect.objectContaining({ code: 'RECORD_INVALID', ...(reason && { data: { reason } }) }),
  );

describe('the DHT reaches a node', () => {
  const udpOf = (...addresses: string[]) => SignedRecord.open(envelopeOf(payloadOf(...addresses))).udp;

  it('at the first IPv4 address and the first UDP port, found apart', () => {
    expect(udpOf(IP4_UDP)).toEqual({ ip: '1.2.3.4', port: 1000 });
    expect(udpOf(IP4_TCP, IP4_UDP)).toEqual({ ip: '5.6.7.8', port: 1000 });
    expect(udpOf(IP6_UDP, IP4_TCP)).toEqual({ ip: '5.6.7.8', port: 1003 });
  });

  it('by IPv6 where there is no IPv4, which a mapped address is', () => {
    expect(udpOf(IP6_UDP)).toEqual({ ip: '2001:db8::1', port: 1003 });
    expect(udpOf(MAPPED_UDP)).toEqual({ ip: '1.2.3.4', port: 1002 });
    expect(['127.0.0.1', '10.0.0.1', '8.8.8.8', '0.0.0.0'].map((ip) => reachOf(`::ffff:${ip}`))).toEqual(
      ['127.0.0.1', '10.0.0.1', '8.8.8.8', '0.0.0.0'].map(reachOf),
    );
  });

  it('nowhere without UDP, or without addresses', () => {
    expect([udpOf(), udpOf(IP4_TCP)]).toEqual([undefined, undefined]);
  });
});

describe('what the reference would refuse is refused, because it spoils messages in which it is passed on', () => {
  it('an address of one component, of which the reference dies', () => {
    for (const lone of ['0401020304', `29${'00'.repeat(16)}`, '0603e8', '910203e8', '3603612e62', 'a503021225']) {
      refused(envelopeOf(payloadOf(IP4_UDP, lone)), 'an address has one component only');
    }
    for (const text of ['/ip4/1.2.3.4', '/tcp/1', '/udp/1', '/ip6/::1', '/dns4/a', '', '/', 'x']) {
      expect(encodeMultiaddr(text), text).toBeUndefined();
      expect(SignedRecord.sign(identity, { seq: 1, addresses: [text] }).addresses).toEqual([]);
    }
  });

  it('addresses of which none is known; one is enough', () => {
    const unknown = 'c80100';
    refused(envelopeOf(payloadOf(unknown)), 'none of its addresses is known');
    refused(envelopeOf(payloadOf('')), 'none of its addresses is known');
    expect(SignedRecord.open(envelopeOf(payloadOf(unknown, IP4_UDP))).addresses).toEqual(['/ip4/1.2.3.4/udp/1000']);
    refused(envelopeOf(proto().bytes(1, identity.peerIdBytes).uint(2, 1).message(3, proto()).finish()));
  });

  it('a signature with a high s', () => {
    const order = secp256k1.Point.CURVE().n;
    const high = (signed: Uint8Array) => {
      const { r, s } = secp256k1.Signature.fromBytes(identity.sign(signed), 'der');
      return new secp256k1.Signature(r, order - s).toBytes('der');
    };
    refused(envelopeOf(payloadOf(IP4_UDP), { signature: high }), 'the signature does not verify');
  });

  it('missing fields, another type, another peer, numbers written long', () => {
    expect(SignedRecord.open(envelopeOf(proto().bytes(1, identity.peerIdBytes).uint(2, 0).finish())).seq).toBe(0);
    refused(envelopeOf(proto().bytes(1, identity.peerIdBytes).finish()), 'it is no peer record');
    refused(envelopeOf(proto().uint(2, 1).finish()), 'it is no peer record');
    refused(envelopeOf(payloadOf(), { type: Uint8Array.of(3, 2) }), 'the envelope holds something else');
    const other = Identity.generate().peerIdBytes;
    refused(envelopeOf(proto().bytes(1, other).uint(2, 1).finish()), 'it is signed by another peer');
    const long = Buffer.concat([proto().bytes(1, identity.peerIdBytes).finish(), Buffer.from('108100', 'hex')]);
    refused(envelopeOf(long), 'it is no peer record');
    refused(new Uint8Array(8193), 'it is too long');
  });

  it('but 64 addresses are enough of a record with more', () => {
    expect(SignedRecord.open(envelopeOf(payloadOf(...new Array(100).fill(IP4_UDP)))).addresses.length).toBe(64);
  });
});

describe('a reader of records', () => {
  const envelopes = [1, 2, 3, 4].map((seq) => SignedRecord.sign(identity, { seq, addresses: [] }).envelope);
  const [one, two, three, four] = envelopes as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

  it('gives the same record again, from any copy of the bytes', () => {
    const reader = new RecordReader();
    expect(reader.known(one)).toBeUndefined();
    const record = reader.open(one);
    expect(reader.open(Buffer.from(one))).toBe(record);
    expect(reader.known(one.slice())).toBe(record);
  });

  it('forgets what was not asked for the longest time', () => {
    const reader = new RecordReader({ capacity: 3 });
    for (const envelope of [one, two, three]) reader.open(envelope);
    reader.open(one);
    reader.known(two);
    reader.open(four);
    expect([one, two, three, four].map((envelope) => reader.known(envelope) !== undefined)).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it('remembers no record that failed, and drops none for it', () => {
    const reader = new RecordReader({ capacity: 1 });
    reader.open(one);
    const forged = two.slice();
    forged[50] = (forged[50] ?? 0) ^ 1;
    for (let i = 0; i < 2; i++)
      expect(() => reader.open(forged)).toThrow(expect.objectContaining({ code: 'RECORD_INVALID' }));
    expect(reader.known(forged)).toBeUndefined();
    expect(reader.known(one)).toBeDefined();
  });

  it('keeps nothing of the bytes that it was given', () => {
    const bytes = one.slice();
    const record = new RecordReader().open(bytes);
    bytes.fill(0);
    expect(hex(record.envelope)).toBe(hex(one));
  });
});
