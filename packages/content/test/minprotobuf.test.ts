import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesKey, ProtoReader, ProtoWriter, varintKey, varintLength, writeVarint } from '../src/index.ts';
import { hex, unhex } from './vectors.ts';

const refused = expect.objectContaining({ code: 'PROTOBUF_INVALID' });
const numbers = fc.oneof(fc.maxSafeNat(), fc.nat(300));

function readAll(bytes: Uint8Array): [number, string][] {
  const fields: [number, string][] = [];
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    const wire = reader.key % 8;
    fields.push([reader.key, wire === 0 ? String(reader.uint64()) : hex(reader.bytes())]);
  }
  return fields;
}

describe('minprotobuf', () => {
  it('writes scalars and bytes even when zero or empty', () => {
    expect(hex(new ProtoWriter().uint(1, 0).bytes(2, new Uint8Array()).message(3, new ProtoWriter()).finish())).toBe(
      '080012001a00',
    );
  });

  it('reads back what it wrote, long byte strings included', () => {
    const field = fc.oneof(
      fc.record({ number: fc.integer({ min: 1, max: 2 ** 20 }), value: numbers }),
      fc.record({
        number: fc.integer({ min: 1, max: 2 ** 20 }),
        value: fc.uint8Array({ maxLength: 2000, size: 'max' }),
      }),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
        const inner = new ProtoWriter();
        const expected: [number, string][] = fields.map(({ number, value }) => {
          if (typeof value === 'number') {
            inner.uint(number, value);
            return [varintKey(number), String(value)];
          }
          inner.bytes(number, value);
          return [bytesKey(number), hex(value)];
        });
        const writer = new ProtoWriter().uint(1, 7).message(2, inner);
        const length = writer.length;
        const whole = writer.finish();
        expect(whole.length).toBe(length);
        expect(hex(Buffer.concat(writer.parts()))).toBe(hex(whole));
        const reader = new ProtoReader(whole);
        expect([reader.next(), reader.key, reader.uint()]).toEqual([true, varintKey(1), 7]);
        expect([reader.next(), reader.key]).toEqual([true, bytesKey(2)]);
        expect(readAll(reader.bytes())).toEqual(expected);
        expect(reader.next()).toBe(false);
      }),
    );
  });

  it('passes long byte strings on by reference', () => {
    const block = new Uint8Array(65536);
    const writer = new ProtoWriter().uint(1, 1).message(2, new ProtoWriter().bytes(1, block)).uint(3, 1);
    expect(writer.parts().some((part) => part.buffer === block.buffer)).toBe(true);
    const reader = new ProtoReader(writer.finish());
    while (reader.next()) if (reader.key === bytesKey(2)) expect(reader.bytes().byteOffset).toBeGreaterThan(0);
  });

  it('has varints of the right length', () => {
    fc.assert(
      fc.property(numbers, (value) => {
        const bytes = new Uint8Array(10);
        const end = writeVarint(value, bytes, 0);
        expect(end).toBe(varintLength(value));
        expect(readAll(Uint8Array.of(8, ...bytes.subarray(0, end)))).toEqual([[8, String(value)]]);
      }),
    );
    expect(() => new ProtoWriter().uint(1, -1)).toThrow(refused);
    expect(() => new ProtoWriter().uint(1, 2 ** 53)).toThrow(refused);
  });

  it('skips fixed-width fields', () => {
    expect(readAll(unhex('0d01020304 11 0102030405060708 1801'.replaceAll(' ', '')))).toEqual([
      [13, '01020304'],
      [17, '0102030405060708'],
      [24, '1'],
    ]);
  });

  it('reads 64 bits as bigint and refuses them as a number', () => {
    const reader = new ProtoReader(unhex(`08${'ff'.repeat(9)}01`));
    reader.next();
    expect(reader.uint64()).toBe(2n ** 64n - 1n);
    expect(() => reader.uint()).toThrow(refused);
  });

  it.each([
    ['08', 'a value that is missing'],
    ['0880', 'an unfinished varint'],
    [`08${'80'.repeat(10)}00`, 'a varint of 11 bytes'],
    ['0a05aabb', 'bytes beyond the end'],
    [`0a${'ff'.repeat(7)}0f`, 'a huge length'],
    [`0a${'ff'.repeat(9)}01`, 'a length of 2^64 - 1'],
    ['0d0102', 'a cut fixed field'],
    ['0b', 'a group'],
    ['0000', 'field number 0'],
  ])('refuses %s: %s', (bytes) => {
    expect(() => readAll(unhex(bytes))).toThrow(refused);
  });

  it('never fails in another way, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          readAll(bytes);
        } catch (error) {
          expect(error).toEqual(refused);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
