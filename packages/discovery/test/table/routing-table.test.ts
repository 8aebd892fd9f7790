import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDistance, logDistance, NodeId } from '../../src/identity/node-id.ts';
import type { SignedRecord } from '../../src/record/signed-record.ts';
import { DISCOVERY_LIMITS } from '../../src/service/limits.ts';
import { addressGroup } from '../../src/table/address-group.ts';
import { RoutingTable } from '../../src/table/routing-table.ts';
import { type FakeRecordInit, fakeRecord, someId } from '../fakes.ts';

const local = someId(0);
const limits = DISCOVERY_LIMITS;
const newTable = () => new RoutingTable(local, { limits, groupOf: addressGroup });

/** `local` with one bit changed: at log-distance 256 − `bit`; the last bytes hold `number`. */
function idAt(bit: number, number: number): NodeId {
  const bytes = Uint8Array.from(local.bytes);
  bytes[bit >> 3]! ^= 0x80 >> (bit & 7);
  bytes[30]! = number >> 8;
  bytes[31]! = number;
  return new NodeId(bytes);
}

function answered(table: RoutingTable, record: SignedRecord, nowMs = 0) {
  return table.answered(record, record.udp!, nowMs);
}

function fill(table: RoutingTable, from: number, to: number, init?: FakeRecordInit): void {
  for (let i = from; i < to; i++) answered(table, fakeRecord(someId(i), init));
}

const all = (table: RoutingTable) => [...table.nodes()];

describe('buckets', () => {
  it('hold 16 nodes, and 8 that wait', () => {
    const table = newTable();
    for (let i = 0; i < 40; i++) answered(table, fakeRecord(idAt(5, i)));
    const bucket = table.bucketOf(idAt(5, 0));
    expect(bucket.nodes).toHaveLength(16);
    expect(bucket.waiting).toHaveLength(8);
    expect(bucket.nodes.every((node) => logDistance(node.id, local) === 251)).toBe(true);
  });

  it('split down to five bits at a time, and all the way along the own id', () => {
    const table = newTable();
    fill(table, 1, 20_000);
    for (const bucket of table.buckets) {
      expect(bucket.nodes.length).toBeLessThanOrEqual(limits.bucketNodesMax);
      expect(bucket.waiting.length).toBeLessThanOrEqual(limits.bucketWaitingMax);
    }
    // All ranges of five bits, and along the own id those of ten.
    expect(table.buckets.filter(({ depth }) => depth === 5)).toHaveLength(31);
    expect(table.buckets.filter(({ depth }) => depth === 10).length).toBeGreaterThanOrEqual(30);
    expect(table.buckets.filter(({ local: own }) => own)).toHaveLength(1);
    expect(table.size).toBeGreaterThan(16 * 60);
  });

  it('have who was heard of last in front', () => {
    const table = newTable();
    fill(table, 1, 10);
    answered(table, fakeRecord(someId(3)));
    expect(all(table)[0]?.id.hex).toBe(someId(3).hex);
  });

  it('keep who answers: newcomers wait', () => {
    const table = newTable();
    for (let i = 0; i < 16; i++) answered(table, fakeRecord(idAt(5, i)));
    const before = table.bucketOf(idAt(5, 0)).nodes.map((node) => node.id.hex);
    for (let i = 100; i < 200; i++) answered(table, fakeRecord(idAt(5, i)));
    expect(table.bucketOf(idAt(5, 0)).nodes.map((node) => node.id.hex)).toEqual(before);
  });

  it('give the place of a failing node to one that waits', () => {
    const table = newTable();
    for (let i = 0; i < 17; i++) answered(table, fakeRecord(idAt(5, i)));
    const waits = table.bucketOf(idAt(5, 0)).waiting[0]!;
    table.failed(idAt(5, 2), 1);
    expect(table.get(idAt(5, 2))).toBeDefined();
    table.failed(idAt(5, 2), 2);
    expect(table.get(idAt(5, 2))).toBeUndefined();
    expect(table.bucketOf(idAt(5, 0)).nodes).toContain(waits);
  });

  it('never hold the own id', () => {
    const table = newTable();
    expect(answered(table, fakeRecord(local))).toBeUndefined();
    expect(table.suggest(fakeRecord(local), { ip: '127.0.0.1', port: 1 })).toBeUndefined();
    expect(table.size).toBe(0);
  });
});

describe('nodes that others told of', () => {
  const record = fakeRecord(someId(1));

  it('wait, and are told to nobody, until they answer', () => {
    const table = newTable();
    table.suggest(record, record.udp!);
    expect(table.size).toBe(0);
    expect(table.closest(local, 16)).toEqual([]);
    answered(table, record);
    expect(all(table).map((node) => node.served)).toEqual([true]);
  });

  it('go at their first failure, which counts as one', () => {
    const table = newTable();
    table.suggest(record, record.udp!);
    table.failed(record.nodeId, 0);
    expect(table.get(record.nodeId)).toBeUndefined();
  });

  it('push nobody out', () => {
    const table = newTable();
    for (let i = 0; i < 24; i++) answered(table, fakeRecord(idAt(5, i)));
    const waiting = [...table.bucketOf(idAt(5, 0)).waiting];
    for (let i = 100; i < 200; i++) table.suggest(fakeRecord(idAt(5, i)), record.udp!);
    expect(table.bucketOf(idAt(5, 0)).waiting).toEqual(waiting);
  });
});

describe('failures', () => {
  const record = fakeRecord(someId(1));

  it('hide a node after two in a row, until it answers again', () => {
    const table = newTable();
    const node = answered(table, record)!;
    table.failed(record.nodeId, 1);
    expect(node.served).toBe(true);
    table.failed(record.nodeId, 2);
    expect(node.served).toBe(false);
    answered(table, record, 3);
    expect(node.served).toBe(true);
  });

  it('drop a node after five in a row when nobody replaces it', () => {
    const table = newTable();
    answered(table, record);
    for (let i = 0; i < 4; i++) table.failed(record.nodeId, i);
    expect(table.size).toBe(1);
    table.failed(record.nodeId, 5);
    expect(table.size).toBe(0);
  });

  it('drop nobody while the network is away, nor a bootstrap node ever', () => {
    const table = newTable();
    answered(table, record);
    table.pin(fakeRecord(someId(2)), record.udp!);
    for (let i = 0; i < 20; i++) {
      table.failed(record.nodeId, i, false);
      table.failed(someId(2), i);
    }
    table.drop(someId(2));
    expect(table.size).toBe(2);
  });
});

describe('records', () => {
  it('are replaced by newer ones in place', () => {
    const table = newTable();
    fill(table, 1, 4);
    table.update(fakeRecord(someId(1), { seq: 5 }));
    table.update(fakeRecord(someId(1), { seq: 4 }));
    expect(all(table).map((node) => node.record.seq)).toEqual([1, 1, 5]);
  });

  it('with a new endpoint are not told to others before the node answers there', () => {
    const table = newTable();
    fill(table, 1, 2);
    const moved = fakeRecord(someId(1), { seq: 2, port: 9999 });
    table.update(moved);
    expect(table.get(someId(1))).toMatchObject({ served: false, endpoint: { port: 9999 } });
    // From its old place it may say what it wants.
    table.answered(moved, { ip: '127.0.0.1', port: 9000 }, 0);
    expect(table.get(someId(1))?.served).toBe(false);
    answered(table, moved);
    expect(table.get(someId(1))?.served).toBe(true);
  });
});

describe('one address', () => {
  it('with 10 000 identities gets 10 places, and 2 of a bucket that others fill', () => {
    const table = newTable();
    fill(table, 20_000, 20_200, { ip: '198.51.100.7' });
    for (let i = 1; i < 10_001; i++) {
      const record = fakeRecord(someId(i), { ip: '203.0.113.9', port: i });
      if (i % 2 === 0) answered(table, record);
      else table.suggest(record, record.udp!);
      for (let j = 0; j < 3 && i % 10 === 0; j++) {
        answered(table, fakeRecord(someId(100_000 + 3 * i + j), { ip: `192.0.${i >> 8}.${j + (i & 127) * 2}` }));
      }
    }
    const taken = table.buckets.map((bucket) => bucket.countOf('203.0.113.9'));
    expect(taken.reduce((a, b) => a + b)).toBeLessThanOrEqual(limits.sameAddressTableMax);
    const other = table.buckets.filter((bucket) => bucket.nodes.length === 16);
    expect(other.length).toBeGreaterThan(5);
    for (const bucket of other) {
      expect(bucket.countOf('203.0.113.9')).toBeLessThanOrEqual(limits.sameAddressBucketMax);
    }
  });

  it('is not limited on loopback and in private networks', () => {
    const table = newTable();
    fill(table, 1, 100);
    fill(table, 100, 200, { ip: '192.168.1.1' });
    expect(table.size).toBeGreaterThan(100);
  });

  it('gets its places back when nodes go, move or are dropped', () => {
    const table = newTable();
    for (let i = 1; i < 200; i++) answered(table, fakeRecord(someId(i), { ip: '203.0.113.9', port: i }));
    const first = all(table);
    expect(first.length).toBeGreaterThan(0);
    for (const node of first) {
      table.update(fakeRecord(node.id, { ip: '198.51.100.1', port: 7, seq: 2 }));
      table.drop(node.id);
    }
    expect(table.size).toBe(0);
    for (let i = 1; i < 200; i++) answered(table, fakeRecord(someId(i), { ip: '203.0.113.9', port: i }));
    expect(table.size).toBe(first.length);
  });
});

describe('answers', () => {
  it('to FINDNODE: only served nodes, only at the distances, spread over the distance', () => {
    const table = newTable();
    fill(table, 1, 3000);
    for (const node of all(table).filter((_, i) => i % 3 === 0)) {
      table.failed(node.id, 1);
      table.failed(node.id, 2);
    }
    for (const distances of [[256], [250, 251, 249], [256, 255], [1, 2, 3]]) {
      const found = table.atDistances(distances, 16);
      expect(found.length).toBeLessThanOrEqual(16);
      expect(new Set(found).size).toBe(found.length);
      for (const node of found) {
        expect(node.served).toBe(true);
        expect(distances).toContain(logDistance(node.id, local));
      }
    }
    expect(table.atDistances([256], 16)).toHaveLength(16);
    expect(new Set(table.atDistances([256], 16).map((node) => table.bucketOf(node.id))).size).toBe(16);
    expect(table.atDistances([0, 300], 16)).toEqual([]);
  });

  it('the nearest to any id, exactly as sorting them all', () => {
    const table = newTable();
    fill(table, 1, 500);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.integer({ min: 1, max: 40 }), (bytes, count) => {
        const target = new NodeId(bytes);
        const sorted = all(table).sort((a, b) => compareDistance(target, a.id, b.id));
        expect(table.closest(target, count)).toEqual(sorted.slice(0, count));
      }),
    );
  });
});

type Step = readonly ['answered' | 'suggest' | 'failed' | 'drop' | 'pin' | 'move', number, number];
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('answered', 'answered', 'suggest', 'failed', 'failed', 'drop', 'pin', 'move'),
  fc.integer({ min: 1, max: 120 }),
  fc.integer({ min: 0, max: 6 }),
);

describe('whatever happens', () => {
  it('every node stands in exactly one place of its own bucket, and addresses keep their limits', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const table = newTable();
        const seqs = new Map<number, number>();
        const pinned = new Set<string>();
        for (const [kind, number, host] of steps) {
          const id = number % 3 === 0 ? idAt(5, number) : someId(number);
          const seq = (seqs.get(number) ?? 0) + 1;
          const known = table.get(id)?.record;
          const ip = host < 4 ? `203.0.113.${host}` : '127.0.0.1';
          const record = known ?? fakeRecord(id, { ip, seq });
          seqs.set(number, seq);
          if (kind === 'answered') answered(table, record);
          if (kind === 'suggest') table.suggest(record, record.udp!);
          if (kind === 'failed') table.failed(id, 0);
          if (kind === 'drop') table.drop(id);
          if (kind === 'move') table.update(fakeRecord(id, { ip, port: 9001, seq: 1000 + seq }));
          if (kind === 'pin' && pinned.size < 3 && table.pin(record, record.udp!)) pinned.add(id.hex);
        }
        const places = table.buckets.flatMap((bucket) => [...bucket.nodes, ...bucket.waiting]);
        expect(new Set(places.map((node) => node.id.hex)).size).toBe(places.length);
        const counts = new Map<string, number>();
        for (const bucket of table.buckets) {
          expect(bucket.nodes.length).toBeLessThanOrEqual(16);
          expect(bucket.waiting.length).toBeLessThanOrEqual(8);
          for (const node of [...bucket.nodes, ...bucket.waiting]) {
            expect(table.get(node.id)).toBe(node);
            expect(table.bucketOf(node.id)).toBe(bucket);
            if (!pinned.has(node.id.hex)) counts.set(node.endpoint.ip, (counts.get(node.endpoint.ip) ?? 0) + 1);
          }
        }
        counts.delete('127.0.0.1');
        expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(10);
        for (const hex of pinned) expect(places.some((node) => node.id.hex === hex)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
