import { seededRandom, VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { compareDistance, logDistance, NodeId } from '../../src/identity/node-id.ts';
import { Lookup } from '../../src/lookup.ts';
import type { SignedRecord } from '../../src/record/signed-record.ts';
import { DISCOVERY_LIMITS } from '../../src/service/limits.ts';
import { addressGroup } from '../../src/table/address-group.ts';
import { RoutingTable } from '../../src/table/routing-table.ts';
import { fakeRecord, someId } from '../fakes.ts';

const RTT_MS = 50;
const TIMEOUT_MS = 2000;
const limits = DISCOVERY_LIMITS;

type Behaviour = (target: NodeId, distances: readonly number[] | undefined) => readonly SignedRecord[] | 'silent';

/** A network of tables without messages: every node knows what a table of its own holds of all others. */
class Model {
  readonly clock = new VirtualClock();
  readonly records: SignedRecord[] = [];
  readonly behaviours = new Map<string, Behaviour>();
  readonly asked: { id: string; fast: boolean }[] = [];
  inFlightMax = 0;
  #inFlight = 0;

  constructor(size: number, ipOf: (i: number) => string = (i) => `198.18.${i >> 8}.${i & 255}`) {
    const random = seededRandom(size);
    for (let i = 0; i < size; i++) this.records.push(fakeRecord(someId(i), { ip: ipOf(i) }));
    for (const record of this.records) {
      const table = new RoutingTable(record.nodeId, { limits, groupOf: addressGroup });
      for (let i = 0; i < Math.min(400, 2 * size); i++) {
        const other = this.records[random.int(size)]!;
        table.answered(other, other.udp!, 0);
      }
      // Every node has looked for itself: it knows its neighbours.
      for (const other of this.nearest(record.nodeId, 17)) table.answered(other, other.udp!, 0);
      this.behaviours.set(record.nodeId.hex, (target, distances) =>
        (distances ? table.atDistances(distances, 16) : table.closest(target, 6)).map((node) => node.record),
      );
    }
  }

  nearest(target: NodeId, count: number): SignedRecord[] {
    return [...this.records].sort((a, b) => compareDistance(target, a.nodeId, b.nodeId)).slice(0, count);
  }

  silence(record: SignedRecord): void {
    this.behaviours.set(record.nodeId.hex, () => 'silent');
  }

  lookup(target: NodeId, seeds: readonly SignedRecord[], onNear?: (record: SignedRecord) => void): Lookup {
    return new Lookup(
      {
        clock: this.clock,
        groupOf: addressGroup,
        ask: async (node, distances, signal) => {
          this.asked.push({ id: node.nodeId.hex, fast: !distances });
          this.inFlightMax = Math.max(this.inFlightMax, ++this.#inFlight);
          try {
            const answer = this.behaviours.get(node.nodeId.hex)?.(target, distances) ?? 'silent';
            await this.clock.sleep(answer === 'silent' ? TIMEOUT_MS : RTT_MS, { signal });
            if (answer === 'silent') throw new Error('timeout');
            return answer;
          } finally {
            this.#inFlight--;
          }
        },
      },
      { target, seeds, limits, onNear },
    );
  }

  async run(target: NodeId, seeds: readonly SignedRecord[], onNear?: (record: SignedRecord) => void) {
    const running = this.lookup(target, seeds, onNear).run();
    await this.clock.advance(limits.lookupDeadlineMs + 1);
    return running;
  }
}

const ids = (records: readonly SignedRecord[]) => records.map((record) => record.nodeId.hex);

describe('a lookup', () => {
  const model = new Model(1000);

  it('finds the 16 nearest of 1000 nodes from any one, in few requests', async () => {
    const requests: number[] = [];
    const found: number[] = [];
    for (let i = 0; i < 20; i++) {
      const target = someId(5000 + i);
      const result = await model.run(target, [model.records[i * 31]!]);
      const wanted = new Set(ids(model.nearest(target, 16)));
      found.push(ids(result.closest).filter((id) => wanted.has(id)).length);
      expect(result.closest.length).toBe(16);
      expect(ids(result.closest)[0]).toBe(ids(model.nearest(target, 1))[0]);
      expect(result.hops).toBeLessThanOrEqual(5);
      expect(result.failures).toBe(0);
      requests.push(result.requests);
    }
    expect(Math.min(...found)).toBeGreaterThanOrEqual(13);
    expect(found.reduce((a, b) => a + b) / found.length).toBeGreaterThan(15.3);
    expect(Math.max(...requests)).toBeLessThanOrEqual(32);
    expect(model.inFlightMax).toBeLessThanOrEqual(limits.lookupParallelMax);
  });

  it('asks nobody twice, and tells of the nearest as they answer', async () => {
    model.asked.length = 0;
    const near: SignedRecord[] = [];
    const result = await model.run(someId(6001), [model.records[7]!], (record) => near.push(record));
    expect(new Set(model.asked.map(({ id }) => id)).size).toBe(model.asked.length);
    expect(ids(near)).toEqual(expect.arrayContaining(ids(result.closest)));
  });

  it('has the newest record of the target itself', async () => {
    const target = model.records[500]!;
    const newer = fakeRecord(target.nodeId, { seq: 9, ip: '198.18.9.9' });
    const [witness] = model.nearest(target.nodeId, 2).slice(1);
    const before = model.behaviours.get(witness!.nodeId.hex)!;
    model.behaviours.set(witness!.nodeId.hex, (wanted, distances) => [
      newer,
      ...(before(wanted, distances) as SignedRecord[]),
    ]);
    const result = await model.run(target.nodeId, [model.records[1]!]);
    model.behaviours.set(witness!.nodeId.hex, before);
    expect(result.exact?.seq).toBe(9);
  });

  it('without anybody to ask is over at once', async () => {
    const result = await model.lookup(someId(1), []).run();
    expect(result).toMatchObject({ closest: [], hops: 0, requests: 0, exact: undefined });
  });

  it('ends with the reason of its signal, and asks nobody any more', async () => {
    const controller = new AbortController();
    const running = model.lookup(someId(7000), [model.records[0]!]).run(controller.signal);
    const failure = expect(running).rejects.toThrow('enough of it');
    await model.clock.advance(RTT_MS + 1);
    controller.abort(new Error('enough of it'));
    await failure;
    const { length } = model.asked;
    await model.clock.advance(10_000);
    expect(model.asked.length).toBe(length);
    expect(model.clock.pending).toBe(0);
    await expect(model.lookup(someId(1), []).run(controller.signal)).rejects.toThrow('enough of it');
  });
});

describe('few nodes', () => {
  it('are all found where ids lie thinly, beyond the distances of one request', async () => {
    const model = new Model(100);
    for (const number of [5032, 5051]) {
      const { closest } = await model.run(someId(number), [model.records[3]!]);
      expect(closest).toHaveLength(16);
    }
    const small = new Model(5);
    const result = await small.run(someId(1234), [small.records[0]!]);
    expect(result.closest).toHaveLength(5);
    expect(result.requests).toBeLessThanOrEqual(5 + limits.lookupWideningsMax);
  });
});

describe('half of the nodes being dead', () => {
  it('costs a lookup time, not its result', async () => {
    const model = new Model(600);
    const random = seededRandom(11);
    const dead = new Set<string>();
    for (const record of model.records.slice(1)) {
      if (random.int(2) === 0) continue;
      model.silence(record);
      dead.add(record.nodeId.hex);
    }
    for (let i = 0; i < 10; i++) {
      const target = someId(9000 + i);
      const result = await model.run(target, [model.records[0]!]);
      const wanted = model.nearest(target, 600).filter((record) => !dead.has(record.nodeId.hex));
      expect(ids(result.closest)[0]).toBe(ids(wanted)[0]);
      const found = new Set(ids(result.closest));
      expect(wanted.slice(0, 16).filter((record) => found.has(record.nodeId.hex)).length).toBeGreaterThanOrEqual(14);
      expect(result.durationMs).toBeLessThan(10_000);
      expect(model.inFlightMax).toBeLessThanOrEqual(limits.lookupInFlightMax);
    }
  });
});

describe('liars', () => {
  /** An id next to the target, of nobody. */
  const invented = (target: NodeId, number: number) => {
    const bytes = Uint8Array.from(target.bytes);
    bytes[30] = number >> 8;
    bytes[31] = number & 255;
    return new NodeId(bytes);
  };

  it('who invent nodes next to the target delay it a little and get none of them into the result', async () => {
    const model = new Model(300);
    const target = someId(8000);
    let next = 1;
    const liars = model.nearest(target, 300).filter((_, i) => i % 10 === 3);
    for (const liar of liars) {
      model.behaviours.set(liar.nodeId.hex, () =>
        Array.from({ length: 16 }, () =>
          fakeRecord(invented(target, next++), { ip: `198.19.${next >> 8}.${next & 255}` }),
        ),
      );
    }
    const result = await model.run(target, [model.records[2]!, ...liars.slice(0, 2)]);
    const wanted = new Set(ids(model.nearest(target, 16)));
    expect(ids(result.closest).filter((id) => wanted.has(id)).length).toBeGreaterThanOrEqual(15);
    expect(result.durationMs).toBeLessThan(10_000);
    expect(result.requests).toBeLessThan(limits.lookupRequestsMax);
  });

  it('with hundreds of living identities at one address get three places of sixteen', async () => {
    const model = new Model(300);
    const target = someId(8001);
    const sybils = Array.from({ length: 200 }, (_, i) =>
      fakeRecord(invented(target, i + 1), { ip: '203.0.113.66', port: i + 1 }),
    );
    for (const sybil of sybils) model.behaviours.set(sybil.nodeId.hex, () => sybils.slice(0, 16));
    const result = await model.run(target, [sybils[0]!, model.records[5]!]);
    const captured = result.closest.filter((record) => record.udp?.ip === '203.0.113.66');
    expect(captured.length).toBeLessThanOrEqual(limits.lookupSameAddressMax);
    expect(result.closest).toHaveLength(16);
    const wanted = new Set(ids(model.nearest(target, 13)));
    expect(ids(result.closest).filter((id) => wanted.has(id)).length).toBeGreaterThanOrEqual(11);
  });

  it('cannot hold a lookup beyond its deadline or its requests', async () => {
    const clock = new VirtualClock();
    const target = someId(1);
    let next = 1;
    let requests = 0;
    const lookup = new Lookup(
      {
        clock,
        groupOf: addressGroup,
        ask: async () => {
          requests++;
          await clock.sleep(100);
          return Array.from({ length: 16 }, () => fakeRecord(invented(target, 65_535 - next++), { ip: '127.0.0.1' }));
        },
      },
      { target, seeds: [fakeRecord(someId(2))], limits },
    );
    const running = lookup.run();
    await clock.advance(limits.lookupDeadlineMs + 1);
    const result = await running;
    expect(requests).toBeLessThanOrEqual(limits.lookupRequestsMax);
    expect(result.closest.every(({ nodeId }) => logDistance(nodeId, target) <= 256)).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
