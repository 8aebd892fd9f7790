import { ProtoWriter } from '@codex/content';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../src/identity/identity.ts';
import { NodeId } from '../../src/identity/node-id.ts';
import type { MessageBody } from '../../src/message/message.ts';
import { decodeMessage, encodeMessage } from '../../src/message/message-codec.ts';
import { endpointIp } from '../../src/record/ip-bytes.ts';
import { RecordReader, SignedRecord } from '../../src/record/signed-record.ts';
import { hex, unhex } from '../vectors.ts';

const identity = Identity.generate();
const recordOf = (seq: number) => SignedRecord.sign(identity, { seq, addresses: ['/ip4/127.0.0.1/udp/8090'] });
const record = recordOf(1);
const id = identity.nodeId;
const requestId = Uint8Array.of(1);

const decode = (bytes: Uint8Array, records = new RecordReader()) => decodeMessage(bytes, records);
const refused = (bytes: Uint8Array, reason?: string) =>
  expect(() => decode(bytes)).toThrow(
    expect.objectContaining({ code: 'MESSAGE_INVALID', ...(reason && { data: { reason } }) }),
  );
/** A message of any kind with any body. */
const raw = (kind: number, body: ProtoWriter, request: Uint8Array = requestId) =>
  Buffer.concat([Uint8Array.of(kind), new ProtoWriter().bytes(1, request).message(2, body).finish()]);
const proto = () => new ProtoWriter();

describe('the vectors of the specification', () => {
  it.each<[string, MessageBody]>([
    ['010a010112020801', { kind: 'ping', seq: 1 }],
    [
      '020a01011211080112090a010112047f0000011a021388',
      { kind: 'pong', seq: 1, endpoint: { ip: '127.0.0.1', port: 5000 } },
    ],
    ['030a010112040a020100', { kind: 'findNode', distances: [256] }],
    ['040a010112020801', { kind: 'nodes', total: 1, records: [] }],
    [
      '050a0101120a0a046563686f12026869',
      { kind: 'talkRequest', protocol: Buffer.from('echo'), request: Buffer.from('hi') },
    ],
    ['060a0101120412026869', { kind: 'talkResponse', response: Buffer.from('hi') }],
  ])('%s', (vector, body) => {
    expect(hex(encodeMessage({ requestId, body }))).toBe(vector);
    const message = decode(unhex(vector));
    expect(hex(message.requestId)).toBe('01');
    expect(hex(encodeMessage(message))).toBe(vector);
    expect(message.body.kind).toBe(body.kind);
  });

  it('a request id of 9 bytes, or of none, is refused', () => {
    for (const length of [1, 4, 8])
      expect(decode(raw(1, proto().uint(1, 1), new Uint8Array(length))).body.kind).toBe('ping');
    refused(unhex('010a0900000000000000000112020801'), 'bad request id');
    refused(raw(1, proto().uint(1, 1), new Uint8Array(0)), 'bad request id');
  });
});

describe('messages', () => {
  const bytes = (max: number) => fc.uint8Array({ maxLength: max });
  const nodeId = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((value) => new NodeId(value));
  const seq = fc.maxSafeNat();
  const records = fc.array(fc.constantFrom(...[1, 2, 3].map(recordOf)), { maxLength: 20 });
  const ip = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((text) => endpointIp(text) ?? ''),
  );
  const body: fc.Arbitrary<MessageBody> = fc.oneof(
    fc.record({ kind: fc.constant('ping'), seq }),
    fc.record({ kind: fc.constant('pong'), seq, endpoint: fc.record({ ip, port: fc.nat(65_535) }) }),
    fc.record({ kind: fc.constant('findNode'), distances: fc.array(fc.nat(65_535), { minLength: 1, maxLength: 257 }) }),
    fc.record({ kind: fc.constant('nodes'), total: seq, records }),
    fc.record({ kind: fc.constant('talkRequest'), protocol: bytes(20), request: bytes(200) }),
    fc.record({ kind: fc.constant('talkResponse'), response: bytes(200) }),
    fc.record({ kind: fc.constant('addProvider'), content: nodeId, record: fc.constant(record) }),
    fc.record({ kind: fc.constant('getProviders'), content: nodeId }),
    fc.record({ kind: fc.constant('providers'), total: seq, records }),
    fc.record({ kind: fc.constant('findNodeFast'), target: nodeId }),
  );

  it('come back as they were sent, zeros and empty strings too', () => {
    const reader = new RecordReader();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 8 }), body, (requestId, body) => {
        expect(decodeMessage(encodeMessage({ requestId, body }), reader)).toEqual({ requestId, body });
      }),
      {
        examples: [
          [requestId, { kind: 'ping', seq: 0 }],
          [requestId, { kind: 'nodes', total: 0, records: [] }],
          [requestId, { kind: 'talkResponse', response: new Uint8Array() }],
          [requestId, { kind: 'pong', seq: 0, endpoint: { ip: '::', port: 0 } }],
        ],
      },
    );
  });

  it('keep no view of the datagram', () => {
    const body: MessageBody = { kind: 'talkRequest', protocol: requestId, request: requestId };
    const sent = Buffer.from(encodeMessage({ requestId, body }));
    const message = decode(sent);
    sent.fill(0);
    expect(message).toEqual({ requestId, body });
  });

  it('of unknown kinds have an error of their own', () => {
    for (const kind of [0x00, 0x07, 0x08, 0x09, 0x0a, 0x0e, 0x82, 0x84, 0xff]) {
      for (const rest of [proto().finish(), proto().bytes(1, requestId).finish(), unhex('ffff')]) {
        expect(() => decode(Uint8Array.of(kind, ...rest))).toThrow(
          expect.objectContaining({ code: 'MESSAGE_UNKNOWN', data: { kind } }),
        );
      }
    }
    refused(new Uint8Array(0), 'empty');
  });

  it('skip fields that are unknown, and of a repeated one take the last', () => {
    const body = proto().uint(9, 5).uint(1, 1).bytes(4, requestId).uint(1, 7).bytes(1, requestId);
    expect(decode(raw(1, body)).body).toEqual({ kind: 'ping', seq: 7 });
    const whole = Buffer.concat([raw(1, proto().uint(1, 1)), proto().uint(3, 1).bytes(1, Uint8Array.of(9)).finish()]);
    expect(decode(whole)).toEqual({ requestId: Uint8Array.of(9), body: { kind: 'ping', seq: 1 } });
  });

  it('lack no required field', () => {
    const missing: [number, ProtoWriter][] = [
      [0x01, proto()],
      [
        0x02,
        proto()
          .uint(1, 1)
          .message(2, proto().bytes(1, requestId).bytes(2, new Uint8Array(4))),
      ],
      [0x02, proto().uint(1, 1).bytes(3, new Uint8Array(2))],
      [
        0x02,
        proto()
          .message(2, proto().bytes(1, requestId).bytes(2, new Uint8Array(4)))
          .bytes(3, new Uint8Array(2)),
      ],
      [
        0x02,
        proto()
          .uint(1, 1)
          .message(2, proto().bytes(2, new Uint8Array(4)))
          .bytes(3, new Uint8Array(2)),
      ],
      [0x03, proto()],
      [0x04, proto().bytes(2, record.envelope)],
      [0x05, proto().bytes(1, requestId)],
      [0x05, proto().bytes(2, requestId)],
      [0x06, proto().bytes(1, requestId)],
      [0x0b, proto().bytes(1, id.bytes)],
      [0x0b, proto().bytes(2, record.envelope)],
      [0x0c, proto()],
      [0x0d, proto()],
      [0x83, proto()],
    ];
    for (const [kind, body] of missing) refused(raw(kind, body));
    refused(Buffer.concat([Uint8Array.of(1), proto().bytes(1, requestId).finish()]), 'field 2 is missing');
    refused(Buffer.concat([Uint8Array.of(1), proto().message(2, proto().uint(1, 1)).finish()]), 'field 1 is missing');
    // The right number, but of another wire type.
    refused(raw(1, proto().bytes(1, requestId)), 'field 1 is missing');
  });

  it('have fields of the right size', () => {
    for (const length of [0, 31, 33]) {
      for (const kind of [0x0c, 0x83]) refused(raw(kind, proto().bytes(1, new Uint8Array(length))), 'bad id');
    }
    for (const length of [0, 1, 3]) refused(raw(3, proto().bytes(1, new Uint8Array(length))));
    const pong = (family: string, address: number, port = 2) =>
      raw(
        2,
        proto()
          .uint(1, 1)
          .message(2, proto().bytes(1, unhex(family)).bytes(2, new Uint8Array(address)))
          .bytes(3, new Uint8Array(port)),
      );
    expect(decode(pong('00', 16)).body).toMatchObject({ endpoint: { ip: '::' } });
    expect(decode(pong('01', 4)).body).toMatchObject({ endpoint: { ip: '0.0.0.0' } });
    for (const wrong of [
      pong('00', 4),
      pong('01', 16),
      pong('02', 16),
      pong('0001', 16),
      pong('', 16),
      pong('01', 0),
    ]) {
      refused(wrong, 'bad address');
    }
    refused(pong('01', 4, 1));
    refused(pong('01', 4, 3));
  });

  it('number the families as the reference does', () => {
    const pong = (ip: string) =>
      encodeMessage({ requestId, body: { kind: 'pong', seq: 1, endpoint: { ip, port: 1 } } });
    expect(hex(pong('1.2.3.4'))).toContain('0a0101120401020304');
    expect(hex(pong('2001:db8::1'))).toContain('0a0100121020010db8000000000000000000000001');
    // Only another name of an IPv4 address.
    expect(hex(pong('::ffff:1.2.3.4'))).toBe(hex(pong('1.2.3.4')));
    const mapped = proto().bytes(1, Uint8Array.of(0)).bytes(2, unhex('00000000000000000000ffff01020304'));
    expect(decode(raw(2, proto().uint(1, 1).message(2, mapped).bytes(3, Uint8Array.of(0, 1)))).body).toMatchObject({
      endpoint: { ip: '1.2.3.4', port: 1 },
    });
    expect(() => pong('localhost')).toThrow(RangeError);
  });

  it('are bounded: distances, records, and those that are verified', () => {
    const distances = (count: number) => {
      const body = proto();
      for (let i = 0; i < count; i++) body.bytes(1, Uint8Array.of(i >> 8, i));
      return raw(3, body);
    };
    expect(decode(distances(257)).body).toMatchObject({ distances: expect.objectContaining({ length: 257 }) });
    refused(distances(258), 'bad number of distances');

    const many = Array.from({ length: 40 }, (_, i) => recordOf(i + 1));
    const providers = encodeMessage({ requestId, body: { kind: 'providers', total: 1, records: many } });
    const reader = new RecordReader();
    const seqs = () => {
      const { body } = decodeMessage(providers, reader);
      return body.kind === 'providers' ? body.records.map((found) => found.seq) : [];
    };
    const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
    expect(seqs()).toEqual(upTo(16));
    expect(seqs()).toEqual(upTo(32));
    expect(seqs()).toEqual(upTo(40));
    refused(
      encodeMessage({ requestId, body: { kind: 'nodes', total: 1, records: new Array(201).fill(record) } }),
      'too many records',
    );
    const most = encodeMessage({ requestId, body: { kind: 'nodes', total: 1, records: new Array(200).fill(record) } });
    expect(decode(most).body).toMatchObject({ records: expect.objectContaining({ length: 200 }) });
  });

  it('are spoilt by one record that does not verify', () => {
    const forged = record.envelope.slice();
    forged[60] = (forged[60] ?? 0) ^ 1;
    refused(raw(4, proto().uint(1, 1).bytes(2, record.envelope).bytes(2, forged)));
    refused(raw(0x0d, proto().uint(1, 1).bytes(2, new Uint8Array(0))));
    refused(raw(0x0b, proto().bytes(1, id.bytes).bytes(2, forged)));
  });

  it('are refused when cut anywhere', () => {
    const whole = raw(4, proto().uint(1, 1).bytes(2, record.envelope));
    for (let length = 0; length < whole.length; length++) refused(whole.subarray(0, length));
    refused(raw(1, proto().uint(1, Number.MAX_SAFE_INTEGER)).fill(0xff, 7));
  });
});
