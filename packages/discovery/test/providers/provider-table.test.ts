import { seededRandom } from '@codex/runtime';
import { beforeEach, describe, expect, it } from 'vitest';
import { Identity } from '../../src/identity/identity.ts';
import type { NodeId } from '../../src/identity/node-id.ts';
import { ProviderTable } from '../../src/providers/provider-table.ts';
import { RecordReader, SignedRecord } from '../../src/record/signed-record.ts';
import { DISCOVERY_LIMITS, type DiscoveryLimits } from '../../src/service/limits.ts';
import { readKey } from '../../src/storage/keys.ts';
import { fakeRecord, someId } from '../fakes.ts';

const HOUR = 3_600_000;
const content = someId(1_000_000);

/** Opens what `fakeRecord` made, by its envelope. */
class FakeReader extends RecordReader {
  override open(envelope: Uint8Array): SignedRecord {
    const [hex = '', seq] = Buffer.from(envelope).toString().split(' ');
    const id = { hex, bytes: Buffer.from(hex, 'hex'), equals: (other: NodeId) => other.hex === hex } as NodeId;
    return fakeRecord(id, { seq: Number(seq) });
  }

  override known(envelope: Uint8Array): SignedRecord {
    return this.open(envelope);
  }
}

function newTable(limits: Partial<DiscoveryLimits> = {}): ProviderTable {
  return new ProviderTable({ records: new FakeReader(), random: seededRandom(1) }, { ...DISCOVERY_LIMITS, ...limits });
}

const names = (records: readonly SignedRecord[]) => records.map((record) => record.nodeId.hex);

describe('announcements', () => {
  let table: ProviderTable;
  beforeEach(() => {
    table = newTable();
  });

  it('count for 24 h from their receipt', () => {
    table.add(content, fakeRecord(someId(1)), 'a', 0);
    expect(table.of(content, 24 * HOUR - 1)).toHaveLength(1);
    expect(table.of(content, 24 * HOUR)).toEqual([]);
    expect(table.sample(content, 24 * HOUR)).toEqual([]);
  });

  it('again live on, the latest first', () => {
    for (let i = 1; i <= 3; i++) table.add(content, fakeRecord(someId(i)), `a${i}`, 0);
    table.add(content, fakeRecord(someId(1)), 'a1', 12 * HOUR);
    expect(names(table.of(content, 13 * HOUR))).toEqual([1, 3, 2].map((i) => someId(i).hex));
    expect(names(table.of(content, 30 * HOUR))).toEqual([someId(1).hex]);
    expect(table.size).toBe(3);
  });

  it('carry the newest record of the peer, for all its contents', () => {
    table.add(content, fakeRecord(someId(1), { seq: 5 }), 'a', 0);
    table.add(someId(7), fakeRecord(someId(1), { seq: 6 }), 'a', 0);
    table.add(someId(8), fakeRecord(someId(1), { seq: 4 }), 'a', 0);
    for (const id of [content, someId(7), someId(8)]) expect(table.of(id, 0)[0]?.seq).toBe(6);
  });

  it('of a peer are forgotten together', () => {
    table.add(content, fakeRecord(someId(1)), 'a', 0);
    table.add(someId(7), fakeRecord(someId(1)), 'a', 0);
    table.add(content, fakeRecord(someId(2)), 'b', 0);
    table.forget(someId(1));
    table.forget(someId(99));
    expect(names(table.of(content, 0))).toEqual([someId(2).hex]);
    expect(table.size).toBe(1);
  });

  it('that are over are dropped in batches', () => {
    for (let i = 0; i < 25; i++) table.add(someId(2000 + i), fakeRecord(someId(i)), `a${i}`, i < 20 ? 0 : HOUR);
    expect(table.expire(24 * HOUR, 12)).toBe(true);
    expect(table.size).toBe(13);
    expect(table.expire(24 * HOUR, 12)).toBe(false);
    expect(table.size).toBe(5);
  });
});

describe('a sample', () => {
  it('has some of those who announced lately, not always the same, then the latest of the others', () => {
    const table = newTable({ providersServedMax: 10 });
    for (let i = 0; i < 30; i++) table.add(content, fakeRecord(someId(i)), `a${i}`, i < 24 ? 0 : 20 * HOUR);
    const samples = Array.from({ length: 20 }, () => names(table.sample(content, 20 * HOUR + 1)));
    const fresh = new Set(Array.from({ length: 6 }, (_, i) => someId(24 + i).hex));
    const stale = [23, 22, 21, 20].map((i) => someId(i).hex);
    for (const sample of samples) {
      expect(new Set(sample.slice(0, 6))).toEqual(fresh);
      expect(sample.slice(6)).toEqual(stale);
    }
    expect(new Set(samples.map((sample) => sample[0])).size).toBeGreaterThan(1);
  });
});

describe('limits', () => {
  it('200 peers of a content: the oldest goes', () => {
    const table = newTable();
    for (let i = 0; i < 201; i++) table.add(content, fakeRecord(someId(i)), `a${i}`, i);
    expect(table.of(content, 201)).toHaveLength(200);
    expect(names(table.of(content, 201))).not.toContain(someId(0).hex);
  });

  it('a flood from one address has eight places of a content, and pushes nobody out', () => {
    const table = newTable();
    for (let i = 0; i < 195; i++) table.add(content, fakeRecord(someId(i)), `honest ${i}`, i);
    for (let i = 1000; i < 6000; i++) table.add(content, fakeRecord(someId(i)), '203.0.113.9', i);
    const left = names(table.of(content, 6000));
    expect(
      left.filter((id) => Array.from({ length: 195 }, (_, i) => someId(i).hex).includes(id)).length,
    ).toBeGreaterThanOrEqual(192);
    expect(left).toHaveLength(200);
  });

  it('a flood over many contents pushes out its own first', () => {
    const table = newTable({ providersMax: 1000, providersPerOriginMax: 600 });
    for (let i = 0; i < 400; i++) table.add(someId(5000 + i), fakeRecord(someId(i % 40)), `honest ${i % 40}`, i);
    for (let i = 0; i < 5000; i++) table.add(someId(10_000 + i), fakeRecord(someId(77_000 + (i % 500))), 'flood', 1000);
    expect(table.size).toBe(1000);
    for (let i = 0; i < 400; i++) expect(table.of(someId(5000 + i), 2000)).toHaveLength(1);
  });

  it('memory is given back', () => {
    const table = newTable();
    for (let i = 0; i < 100; i++) table.add(someId(i), fakeRecord(someId(i + 500)), `a${i}`, 0);
    while (table.expire(25 * HOUR, 1000));
    table.takeChanges();
    expect(table.size).toBe(0);
    // Nothing is left that could be dropped again.
    table.forgetIdle();
    expect(table.takeChanges()).toEqual([]);
  });
});

describe('what is to be written', () => {
  /** Replays changes into a fresh table, as the keeper does from disk. */
  function restored(disk: Map<string, readonly [Uint8Array, Uint8Array]>, nowMs: number): ProviderTable {
    const table = newTable();
    for (const key of [...disk.keys()].sort()) {
      const [bytes, value] = disk.get(key)!;
      const parsed = readKey(bytes);
      if (parsed?.kind === 'peer') table.restorePeer(parsed.id, value);
      if (parsed?.kind === 'row') {
        table.restore(parsed.content, parsed.peer, Buffer.from(value).toString(), parsed.expiresAtMs, nowMs);
      }
    }
    table.forgetIdle();
    return table;
  }

  it('brings the same back, without what is over, and then nothing is left on disk', () => {
    const table = newTable();
    const disk = new Map<string, readonly [Uint8Array, Uint8Array]>();
    const save = (from: ProviderTable) => {
      for (const [key, value] of from.takeChanges()) {
        const name = Buffer.from(key).toString('hex');
        if (value) disk.set(name, [key, value]);
        else disk.delete(name);
      }
    };
    for (let i = 0; i < 30; i++) {
      table.add(someId(100 + (i % 7)), fakeRecord(someId(i % 11)), `a${i % 3}`, i * HOUR);
      if (i % 4 === 0) save(table);
    }
    table.forget(someId(3));
    save(table);
    const again = restored(disk, 30 * HOUR);
    for (let i = 0; i < 7; i++) {
      const id = someId(100 + i);
      expect(names(again.of(id, 30 * HOUR))).toEqual(names(table.of(id, 30 * HOUR)));
    }
    save(again);
    while (again.expire(60 * HOUR, 1000));
    save(again);
    expect(disk.size).toBe(0);
  });

  it('is verified some at a time after a restart', () => {
    const table = new ProviderTable({ records: new RecordReader(), random: seededRandom(1) }, DISCOVERY_LIMITS);
    for (let i = 0; i < 40; i++) {
      const { nodeId, envelope } = SignedRecord.sign(Identity.generate(), { seq: 1, addresses: [] });
      table.restorePeer(nodeId, envelope);
      table.restore(content, nodeId, `a${i}`, HOUR + i, 0);
    }
    expect([1, 2, 3].map(() => table.of(content, 0).length)).toEqual([16, 32, 40]);
  });

  it('is refused in parts when the disk is damaged, and never thrown', () => {
    const identity = Identity.generate();
    const table = new ProviderTable({ records: new RecordReader(), random: seededRandom(1) }, DISCOVERY_LIMITS);
    const record = SignedRecord.sign(identity, { seq: 1, addresses: [] });
    table.restorePeer(record.nodeId, Uint8Array.of(1, 2, 3));
    table.restore(content, record.nodeId, 'a', 5 * HOUR, 0);
    table.restore(content, someId(4), 'a', 5 * HOUR, 0);
    expect(table.of(content, 0)).toEqual([]);
    table.add(content, record, 'a', 0);
    expect(table.of(content, 0)).toEqual([record]);
  });
});
