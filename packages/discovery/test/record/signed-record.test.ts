import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../src/identity/identity.ts';
import { decodeMultiaddr, encodeMultiaddr } from '../../src/record/multiaddr-bytes.ts';
import { SignedRecord } from '../../src/record/signed-record.ts';

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

    // A signature has a random part; everything before it is the same, byte for byte.
    const ours = SignedRecord.sign(identity, { seq: vector.seqNo, addresses: vector.addrs });
    const bytes = hex(ours.envelope);
    const unsigned = vector.envelope.slice(
      0,
      vector.envelope.indexOf('2a46') > 0 ? vector.envelope.indexOf('2a46') : vector.envelope.indexOf('2a47'),
    );
    expect(bytes.startsWith(unsigned)).toBe(true);
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
