import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkParameters, createCodec, type ErasureCodec, ReferenceCodec } from '../../src/index.ts';
import { allCodecs, decode, emptyShards, encode, kernelCodecs, seededShards } from './shapes.ts';

/** A code and shards for it: small codes often, the larger field sometimes. */
const code = fc
  .oneof(
    { weight: 6, arbitrary: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })) },
    { weight: 2, arbitrary: fc.tuple(fc.integer({ min: 100, max: 240 }), fc.integer({ min: 1, max: 128 })) },
    { weight: 2, arbitrary: fc.tuple(fc.integer({ min: 241, max: 400 }), fc.integer({ min: 2, max: 100 })) },
  )
  .map(([data, parity]) => ({ data, parity: Math.min(data, parity) }));
const chunks = fc.integer({ min: 1, max: 20 });

/** `count` of the rows of a code, by a seed. */
function someRows(rows: number, count: number, seed: number): Set<number> {
  const order = seededShards(`rows ${seed}`, 1, Math.ceil(rows / 8) * 32)[0]!;
  const weight = (row: number) => new DataView(order.buffer, order.byteOffset).getUint32(4 * row);
  const shuffled = Array.from({ length: rows }, (_, row) => row).sort((a, b) => weight(a) - weight(b));
  return new Set(shuffled.slice(0, count));
}

const codeOf = (error: () => void): unknown => {
  try {
    error();
  } catch (thrown) {
    return (thrown as { code?: unknown }).code;
  }
  return undefined;
};

describe.each(kernelCodecs)('%s', (_, make) => {
  it('encodes as the reference does, for any code and size', () => {
    fc.assert(
      fc.property(code, chunks, fc.nat(), (parameters, count, seed) => {
        const data = seededShards(`${seed}`, parameters.data, 64 * count);
        expect(encode(make(parameters), data)).toEqual(encode(new ReferenceCodec(parameters), data));
      }),
      { numRuns: 60 },
    );
  });

  it('restores what is lost, whichever rows they are', () => {
    fc.assert(
      fc.property(code, chunks, fc.nat(), fc.nat(), (parameters, count, losses, seed) => {
        const codec = make(parameters);
        const data = seededShards(`${seed}`, parameters.data, 64 * count);
        const lost = someRows(parameters.data + parameters.parity, losses % (parameters.parity + 1), seed);
        const restored = decode(codec, data, encode(codec, data), lost);
        expect([...restored.keys()]).toEqual([...lost].filter((row) => row < parameters.data).sort((a, b) => a - b));
        for (const [row, shard] of restored) expect(Buffer.compare(shard, data[row]!)).toBe(0);
      }),
      { numRuns: 80 },
    );
  });

  it('rebuilds single rows, data or parity, from any K others', () => {
    fc.assert(
      fc.property(code, chunks, fc.nat(), fc.nat(), (parameters, count, losses, seed) => {
        const codec = make(parameters);
        const data = seededShards(`${seed}`, parameters.data, 64 * count);
        const all = [...data, ...encode(codec, data)];
        const lost = [...someRows(all.length, 1 + (losses % parameters.parity), seed)];
        const wanted = new Map(
          lost.slice(0, 1 + (seed % 9)).map((row) => [row, new Uint8Array(64 * count).fill(0xa5)]),
        );
        const rows = all.map((shard, row) => (lost.includes(row) ? undefined : shard));
        codec.rebuild({ rows, wanted });
        for (const [row, shard] of wanted) expect(Buffer.compare(shard, all[row]!)).toBe(0);
      }),
      { numRuns: 80 },
    );
  });

  it('works on strips of large shards', () => {
    for (const [data, parity, shardBytes] of [
      [3, 1, 65_536],
      [5, 3, 20_544],
      [20, 10, 16_448],
      [40, 30, 8256],
      [300, 20, 4160],
    ] as const) {
      const codec = make({ data, parity });
      const shards = seededShards('strips', data, shardBytes);
      const made = encode(codec, shards);
      expect(made).toEqual(encode(new ReferenceCodec({ data, parity }), shards));
      for (const count of [1, 3, parity]) {
        const lost = new Set(Array.from({ length: Math.min(parity, count) }, (_, i) => (7 * i) % data));
        for (const [row, shard] of decode(codec, shards, made, lost)) {
          expect(Buffer.compare(shard, shards[row]!)).toBe(0);
        }
      }
    }
  });

  it('has the largest codes', () => {
    const data = 49_000;
    const parity = 10_000;
    const codec = make({ data, parity });
    const shards = seededShards('large', data, 64);
    const made = encode(codec, shards);
    const lost = someRows(data + parity, parity, 1);
    for (const [row, shard] of decode(codec, shards, made, lost)) {
      expect(Buffer.compare(shard, shards[row]!)).toBe(0);
    }
    const rows = make({ data: 65_535, parity: 1 });
    const many = seededShards('many', 65_535, 64);
    const sum = encode(rows, many);
    expect(decode(rows, many, sum, new Set([65_534])).get(65_534)).toEqual(many[65_534]);
  });

  it('shares its memory among codes of different sizes', () => {
    const small = make({ data: 4, parity: 2 });
    const large = make({ data: 300, parity: 20 });
    const a = seededShards('a', 4, 128);
    const b = seededShards('b', 300, 128);
    const before = encode(small, a);
    const expected = encode(large, b);
    expect(encode(small, a)).toEqual(before);
    expect(encode(large, b)).toEqual(expected);
  });
});

describe.each(allCodecs)('%s', (_, make) => {
  it('rebuilds each row of a small code, and refuses what it cannot', () => {
    for (const parameters of [
      { data: 1, parity: 1 },
      { data: 4, parity: 1 },
      { data: 5, parity: 3 },
    ]) {
      const codec = make(parameters);
      const data = seededShards('rows', parameters.data, 128);
      const all = [...data, ...encode(codec, data)];
      all.forEach((shard, row) => {
        const target = new Uint8Array(128);
        const rows = all.map((other, i) => (i === row ? undefined : other));
        codec.rebuild({ rows, wanted: new Map([[row, target]]) });
        expect(Buffer.compare(target, shard)).toBe(0);
        const refusal = (wanted: Map<number, Uint8Array>, left: readonly (Uint8Array | undefined)[] = rows) =>
          codeOf(() => codec.rebuild({ rows: left, wanted }));
        const few = rows.map((other, i) => (i < rows.length - parameters.data + 1 ? undefined : other));
        expect(refusal(new Map(), few)).toBe(
          few.filter(Boolean).length < parameters.data ? 'ERASURE_TOO_MANY_LOSSES' : undefined,
        );
        expect(refusal(new Map([[all.length, target]]))).toBe('ERASURE_PARAMETERS_INVALID');
        expect(refusal(new Map([[row === 0 ? 1 : 0, target]]))).toBe('ERASURE_PARAMETERS_INVALID');
        expect(refusal(new Map([[row, target.subarray(64)]]))).toBe('ERASURE_PARAMETERS_INVALID');
      });
    }
  });

  it('takes shards from anywhere, and changes none of them', () => {
    const shared = (count: number) =>
      Array.from({ length: count }, (_, i) => new Uint8Array(new SharedArrayBuffer(1024), 3 + i, 192));
    const codec = make({ data: 5, parity: 3 });
    const data = shared(5);
    seededShards('anywhere', 5, 192).forEach((shard, i) => {
      data[i]!.set(shard);
    });
    const copies = data.map((shard) => shard.slice());
    const parity = shared(3);
    codec.encode(data, parity);
    const parityCopies = parity.map((shard) => shard.slice());
    expect(decode(codec, data, parity, new Set([0, 2, 4])).get(2)).toEqual(copies[2]);
    expect(data.map((shard) => shard.slice())).toEqual(copies);
    expect(parity.map((shard) => shard.slice())).toEqual(parityCopies);
  });

  it('copies for one data row and adds up for one parity row', () => {
    const [only] = seededShards('one', 1, 64);
    expect(encode(make({ data: 1, parity: 1 }), [only!])).toEqual([only]);
    expect(decode(make({ data: 1, parity: 1 }), [only!], [only!], new Set([0])).get(0)).toEqual(only);
    const data = seededShards('sum', 3, 64);
    const sum = data[0]!.map((byte, i) => byte ^ data[1]![i]! ^ data[2]![i]!);
    expect(encode(make({ data: 3, parity: 1 }), data)).toEqual([sum]);
    expect(decode(make({ data: 3, parity: 1 }), data, [sum], new Set([1])).get(1)).toEqual(data[1]);
  });

  it('says so when more is lost than parity can make good', () => {
    for (const [data, parity] of [
      [1, 1],
      [5, 1],
      [5, 3],
      [20, 10],
    ] as const) {
      const codec = make({ data, parity });
      const shards = seededShards('losses', data, 64);
      const made = encode(codec, shards);
      for (let seed = 0; seed < 10; seed++) {
        const lost = someRows(data + parity, parity + 1, seed);
        expect(codeOf(() => decode(codec, shards, made, lost))).toBe(
          [...lost].some((row) => row < data) ? 'ERASURE_TOO_MANY_LOSSES' : undefined,
        );
      }
    }
  });

  it('refuses shards of wrong number or size, buffers that overlap, and buffers for what is not lost', () => {
    const codec = make({ data: 3, parity: 2 });
    const data = seededShards('wrong', 3, 128);
    const refused = (work: () => void) => expect(codeOf(work)).toBe('ERASURE_PARAMETERS_INVALID');
    refused(() => codec.encode(data.slice(1), emptyShards(2, 128)));
    refused(() => codec.encode(data, emptyShards(3, 128)));
    refused(() => codec.encode(data, emptyShards(2, 64)));
    refused(() => encode(codec, emptyShards(3, 100)));
    refused(() => encode(codec, emptyShards(3, 0)));
    refused(() => codec.encode(data, [data[0]!, new Uint8Array(128)]));
    const memory = new Uint8Array(1024);
    refused(() => codec.encode(data, [memory.subarray(0, 128), memory.subarray(64, 192)]));
    refused(() => {
      const inside = [0, 1, 2].map((i) => memory.subarray(256 + 128 * i, 384 + 128 * i));
      codec.encode(inside, [memory.subarray(0, 128), memory.subarray(200, 328)]);
    });
    // The same data twice is no harm.
    codec.encode([data[0]!, data[0]!, data[0]!], emptyShards(2, 128));
    codec.encode(
      [0, 1, 2].map((i) => memory.subarray(128 * i, 128 * i + 128)),
      [memory.subarray(384, 512), memory.subarray(512, 640)],
    );
    const parity = encode(codec, data);
    const lostOne = [undefined, data[1], data[2]];
    const buffer = () => new Uint8Array(128);
    refused(() => codec.decode({ data: lostOne, parity, restored: new Map() }));
    refused(() => codec.decode({ data: lostOne, parity, restored: new Map([[1, buffer()]]) }));
    refused(() => codec.decode({ data, parity, restored: new Map([[0, buffer()]]) }));
    refused(() => codec.decode({ data: lostOne, parity, restored: new Map([[0, parity[1]!]]) }));
    codec.decode({ data, parity, restored: new Map() });
  });
});

describe('the parameters of a code', () => {
  const refused = (data: number, parity: number) =>
    expect(codeOf(() => createCodec({ data, parity }))).toBe('ERASURE_PARAMETERS_INVALID');

  it('have 1 ≤ M ≤ K and fit the larger field', () => {
    refused(0, 0);
    refused(1, 0);
    refused(2, 3);
    refused(2.5, 1);
    refused(4, Number.NaN);
    refused(65_536, 1);
    refused(40_000, 25_537);
    // 32 768 + 40 000 points are more than the field has, though there are fewer rows.
    refused(40_000, 20_000);
    const codec: ErasureCodec = createCodec({ data: 32_768, parity: 32_768 });
    expect([codec.data, codec.parity]).toEqual([32_768, 32_768]);
  });

  it('choose the field by the points, not by the rows', () => {
    expect(checkParameters({ data: 240, parity: 16 })).toEqual({ parityPoints: 16, points: 256, bits: 8 });
    expect(checkParameters({ data: 241, parity: 16 })).toEqual({ parityPoints: 16, points: 512, bits: 16 });
    expect(checkParameters({ data: 128, parity: 65 })).toEqual({ parityPoints: 128, points: 256, bits: 8 });
    expect(checkParameters({ data: 129, parity: 65 })).toEqual({ parityPoints: 128, points: 512, bits: 16 });
  });
});
