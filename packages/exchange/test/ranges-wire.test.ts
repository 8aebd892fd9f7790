import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RangesReader } from '../src/ranges/frames.ts';
import { haveFrames } from '../src/ranges/have-frames.ts';
import {
  decodeAnswer,
  decodeAsk,
  encodeBlock,
  encodeCancel,
  encodeFollow,
  encodeHaveAll,
  encodeHaveBits,
  encodeHaveRuns,
  encodeMiss,
  encodeRange,
  encodeRequest,
  encodeUnfollow,
  encodeWant,
  FRAME,
  FRAME_MAX_BYTES,
  MISS,
  REQUEST_LEAVES_MAX,
  SIBLINGS_MAX,
} from '../src/ranges/wire.ts';

const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const d1 = new Uint8Array(32).fill(0xd1);
const d2 = new Uint8Array(32).fill(0xd2);
const s1 = new Uint8Array(32).fill(0x51);
const cid = Uint8Array.of(1, 2, 3);

describe('format of version 1.0.0, frozen', () => {
  const fixtures: [string, Uint8Array, string][] = [
    ['FOLLOW', encodeFollow(7, cid), '09000000 01 07000000 03 010203'],
    ['UNFOLLOW', encodeUnfollow(7), '05000000 02 07000000'],
    [
      'REQUEST',
      encodeRequest({ id: 9, tree: 7, start: 0x01020304, count: 16, withDigests: true }),
      '10000000 03 09000000 07000000 04030201 1000 01',
    ],
    ['CANCEL', encodeCancel(9), '05000000 04 09000000'],
    ['WANT', encodeWant(10, cid), '09000000 05 0a000000 03 010203'],
    ['HAVE_ALL', encodeHaveAll(7, 1000), '09000000 81 07000000 e8030000'],
    [
      'HAVE_RUNS',
      encodeHaveRuns(7, [
        { start: 1, count: 2 },
        { start: 256, count: 3 },
      ]),
      '17000000 82 07000000 0200 01000000 02000000 00010000 03000000',
    ],
    ['HAVE_BITS', encodeHaveBits(7, 8, Uint8Array.of(0x05, 0x80)), '0b000000 83 07000000 08000000 0580'],
    [
      'RANGE with proof',
      encodeRange({
        id: 9,
        start: 4,
        blocks: [Uint8Array.of(0xaa, 0xbb), new Uint8Array(0)],
        proof: { digests: Buffer.concat([d1, d2]), siblings: [s1] },
      }),
      `75000000 84 09000000 04000000 0200 01 01 ${toHex(d1)} ${toHex(d2)} ${toHex(s1)} 02000000 00000000 aabb`,
    ],
    [
      'RANGE',
      encodeRange({ id: 9, start: 4, blocks: [Uint8Array.of(0xaa)] }),
      '11000000 84 09000000 04000000 0100 00 00 01000000 aa',
    ],
    ['MISS', encodeMiss(9, MISS.busy), '06000000 85 09000000 01'],
    ['BLOCK', encodeBlock(10, Uint8Array.of(1, 2)), '09000000 86 0a000000 02000000 0102'],
  ];
  for (const [name, frame, hex] of fixtures) it(name, () => expect(toHex(frame)).toBe(hex.replaceAll(' ', '')));

  it('the largest frames fit the limit', () => {
    const siblings = Array.from({ length: SIBLINGS_MAX }, () => s1);
    const blocks = Array.from({ length: REQUEST_LEAVES_MAX }, () => new Uint8Array(0));
    const range = encodeRange({ id: 1, start: 0, blocks, proof: { digests: new Uint8Array(1024), siblings } });
    expect(range.length - 4).toBeLessThanOrEqual(FRAME_MAX_BYTES);
    const scattered = Array.from({ length: 400_000 }, (_, i) => ({ start: 3 * i, count: 1 + (i % 2) }));
    for (const frame of haveFrames(1, scattered)) expect(frame.length - 4).toBeLessThanOrEqual(FRAME_MAX_BYTES);
  });
});

/** All frames of a stream with what follows them. */
function parse(stream: Uint8Array, cuts: readonly number[]): [number, string, string?][] {
  const frames: [number, string, string?][] = [];
  const reader = new RangesReader((type, body) => {
    const frame: [number, string, string?] = [type, toHex(body)];
    frames.push(frame);
    if (type !== FRAME.block) return undefined;
    const target = new Uint8Array(decodeBlockLength(body));
    return { target, onDone: () => frame.push(toHex(target)) };
  });
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = cuts[i % cuts.length]!;
    reader.push(stream.subarray(at, at + size));
    at += size;
  }
  return frames;
}

function decodeBlockLength(body: Uint8Array): number {
  const frame = decodeAnswer(FRAME.block, body);
  return frame.type === FRAME.block ? frame.length : 0;
}

describe('RangesReader', () => {
  it('finds frames and payloads however the stream is cut', () => {
    const one = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }).map((data) => encodeBlock(3, data)),
      fc.uint8Array({ minLength: 1, maxLength: 100 }).map((id) => encodeWant(5, id)),
      fc.nat(200).map((n) =>
        encodeHaveRuns(
          1,
          Array.from({ length: n }, (_, i) => ({ start: i * 2, count: 1 })),
        ),
      ),
    );
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
        (list, cuts) => {
          const stream = Buffer.concat(list);
          const frames = parse(stream, cuts);
          expect(frames).toEqual(parse(stream, [stream.length + 1]));
          expect(frames.length).toBe(list.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuses lengths out of bounds before it keeps anything', () => {
    const reader = new RangesReader(() => undefined);
    expect(() => reader.push(Buffer.from('00000006ff', 'hex'))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }),
    );
    expect(() => new RangesReader(() => undefined).push(new Uint8Array(4))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INVALID' }),
    );
  });
});

describe('decoders', () => {
  it('never fail otherwise than with MESSAGE_INVALID', () => {
    const types = fc.oneof(fc.constantFrom(...Object.values(FRAME)), fc.nat(255));
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 200 }), (type, body) => {
        for (const decode of [decodeAsk, decodeAnswer]) {
          try {
            decode(type, body);
          } catch (error) {
            expect(error).toMatchObject({ code: 'MESSAGE_INVALID' });
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('read back what have-frames tell, in whatever form', () => {
    const runs = fc
      .array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 })), { maxLength: 300 })
      .map((list) => {
        let at = 0;
        return list.map(([gap, count]) => {
          const start = at + gap;
          at = start + count;
          return { start, count };
        });
      });
    fc.assert(
      fc.property(runs, (held) => {
        const leaves = new Set<number>();
        for (const frame of haveFrames(7, held)) {
          const decoded = decodeAnswer(frame[4]!, frame.subarray(5));
          if (decoded.type === FRAME.haveRuns)
            for (const run of decoded.runs) for (let i = 0; i < run.count; i++) leaves.add(run.start + i);
          if (decoded.type === FRAME.haveBits)
            for (let i = 0; i < decoded.bits.length * 8; i++)
              if ((decoded.bits[i >> 3]! >> (i & 7)) & 1) leaves.add(decoded.first + i);
        }
        const expected = held.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i));
        expect([...leaves].sort((a, b) => a - b)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});
