import { type Cid, formatCid, type ManifestCid, type Repository, type StoredManifest } from '@codex/content';
import { Identity, NodeId, SignedRecord } from '@codex/discovery';
import { noMetrics, seededRandom, silentLogger, VirtualClock } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Advertiser } from '../../src/discovery/advertiser.ts';
import { pattern } from '../node/fixture.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const record = SignedRecord.sign(Identity.fromPrivateKey(new Uint8Array(32).fill(7)), {
  seq: 1,
  addresses: ['/ip4/127.0.0.1/tcp/8070'],
});

interface Told {
  readonly at: number;
  readonly id: string;
  readonly seq: number;
}

/** A DHT that counts: it takes `durationMs` for an announcement, and `nodes` hear it. */
class CountingDht {
  readonly told: Told[] = [];
  readonly #clock: VirtualClock;
  durationMs = 1000;
  nodes = 16;
  underWay = 0;
  most = 0;
  joined: Promise<void> = Promise.resolve();
  /** Content ids whose announcement fails. */
  readonly broken = new Set<string>();
  /** By content id, how many are under way. */
  readonly #each = new Map<string, number>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async provide(content: NodeId, told: SignedRecord, options: { signal?: AbortSignal | undefined } = {}) {
    this.most = Math.max(this.most, ++this.underWay);
    const twice = (this.#each.get(content.hex) ?? 0) + 1;
    this.#each.set(content.hex, twice);
    expect(twice, 'announcements of one content id at one time').toBe(1);
    try {
      await this.#clock.sleep(this.durationMs, options);
      if (this.broken.has(content.hex)) throw new Error('nobody answers');
      this.told.push({ at: this.#clock.now(), id: content.hex, seq: told.seq });
      return { asked: this.nodes, confirmed: 0 };
    } finally {
      this.underWay--;
      this.#each.set(content.hex, twice - 1);
    }
  }

  times(cid: Cid): number[] {
    const { hex } = NodeId.ofContent(cid.bytes);
    return this.told.filter(({ id }) => id === hex).map(({ at }) => at);
  }
}

function setUp(repository: Repository & { stop(): Promise<void> | void } = new MemoryRepository()) {
  const clock = new VirtualClock();
  const dht = new CountingDht(clock);
  const state: { record: SignedRecord | undefined } = { record };
  const components = { repository, discovery: dht, clock, random: seededRandom(3), logger: silentLogger };
  const advertiser = new Advertiser({ ...components, record: () => state.record, metrics: noMetrics });
  onTestFinished(async () => {
    await advertiser.stop();
    await repository.stop();
  });
  return { clock, dht, advertiser, repository, state };
}

async function store(repository: Repository, seed: number): Promise<StoredManifest> {
  const writer = repository.createDataset({ blockSize: 65536 });
  // An even seed gives the bytes of the odd one after it.
  await writer.append(pattern(100_000, 2 * seed + 1));
  let stored: StoredManifest['manifest'] | undefined;
  const cid: ManifestCid = await writer.finish(({ treeCid, datasetSize }) => {
    stored = { treeCid, datasetSize, blockSize: 65536 };
    return stored;
  });
  return { cid, manifest: stored!, expiry: Number.POSITIVE_INFINITY };
}

describe('the advertiser', () => {
  it('announces what is stored at once, and everything again every half hour', async () => {
    const { clock, dht, advertiser, repository } = setUp();
    advertiser.start();
    const { cid, manifest } = await store(repository, 1);
    await clock.advance(5 * SECOND_MS);
    expect(dht.times(cid)).toHaveLength(1);
    expect(dht.times(manifest.treeCid)).toHaveLength(1);
    await clock.advance(3 * HOUR_MS);
    const times = dht.times(cid);
    expect(times.length).toBeGreaterThanOrEqual(6);
    expect(times.length).toBeLessThanOrEqual(8);
    const gaps = times.slice(2).map((at, i) => at - times[i + 1]!);
    for (const gap of gaps) expect(Math.abs(gap - 30 * MINUTE_MS)).toBeLessThanOrEqual(3.1 * MINUTE_MS);
    expect(new Set(gaps).size, 'jitter').toBeGreaterThan(1);
  });

  it('announces what it holds already when it starts, in no burst', async () => {
    const { clock, dht, advertiser, repository } = setUp();
    const stored: StoredManifest[] = [];
    for (let seed = 1; seed <= 30; seed++) stored.push(await store(repository, seed));
    advertiser.start();
    await clock.advance(SECOND_MS);
    expect(dht.most).toBeLessThanOrEqual(5);
    await clock.advance(MINUTE_MS);
    expect(dht.most).toBeLessThanOrEqual(5);
    for (const { cid, manifest } of stored) {
      expect(dht.times(cid)).toHaveLength(1);
      expect(dht.times(manifest.treeCid)).toHaveLength(1);
    }
  });

  it('does not let a round hold up what is new, and has ten announcements under way at most', async () => {
    const { clock, dht, advertiser, repository } = setUp();
    dht.durationMs = 10 * SECOND_MS;
    for (let seed = 1; seed <= 40; seed++) await store(repository, seed);
    advertiser.start();
    await clock.advance(20 * SECOND_MS);
    const before = clock.now();
    const { cid } = await store(repository, 100);
    for (let seed = 101; seed <= 120; seed++) await store(repository, seed);
    await clock.advance(11 * SECOND_MS);
    expect(dht.times(cid)[0]! - before).toBeLessThanOrEqual(10 * SECOND_MS);
    expect(dht.most).toBeLessThanOrEqual(15);
    await clock.advance(10 * MINUTE_MS);
    expect(new Set(dht.told.map(({ id }) => id)).size).toBe(2 * 61);
  });

  it('waits until the node has joined, 20 s at most', async () => {
    const { clock, dht, advertiser, repository } = setUp();
    dht.joined = new Promise(() => {});
    advertiser.start();
    const { cid } = await store(repository, 1);
    await clock.advance(19 * SECOND_MS);
    expect(dht.told).toEqual([]);
    await clock.advance(3 * SECOND_MS);
    expect(dht.times(cid)).toHaveLength(1);
  });

  it('announces a tree only when a block of it is here', async () => {
    const { clock, dht, advertiser, repository } = setUp();
    const elsewhere = new MemoryRepository();
    const { cid, manifest } = await store(elsewhere, 1);
    advertiser.start();
    await repository.putBlock(cid, (await elsewhere.getBlock(cid))!);
    await clock.advance(5 * SECOND_MS);
    advertiser.provide(manifest.treeCid);
    await clock.advance(40 * MINUTE_MS);
    expect(dht.times(cid).length).toBeGreaterThanOrEqual(2);
    expect(dht.times(manifest.treeCid)).toEqual([]);
    const source = (await elsewhere.findDataset(manifest.treeCid))!;
    const dataset = await repository.openDataset(source.ref);
    await dataset.learn(await source.prove({ start: 0, count: 1 }));
    for await (const batch of source.read({ start: 0, count: 1 })) {
      await dataset.putLeaves(0, batch.blocks);
      batch.release();
    }
    advertiser.provide(manifest.treeCid);
    await clock.advance(5 * SECOND_MS);
    expect(dht.times(manifest.treeCid)).toHaveLength(1);
  });

  it('stops announcing what was deleted, and begins again when it comes back', async () => {
    const { clock, dht, advertiser, repository } = setUp();
    advertiser.start();
    const { cid } = await store(repository, 1);
    await clock.advance(5 * SECOND_MS);
    await repository.delete(cid);
    const before = dht.told.length;
    await clock.advance(2 * HOUR_MS);
    expect(dht.told.length).toBe(before);
    await store(repository, 1);
    await clock.advance(5 * SECOND_MS);
    expect(dht.told.length).toBe(before + 2);
  });

  it('tells everything again soon when nobody heard it, and when the addresses change', async () => {
    const { clock, dht, advertiser, repository, state } = setUp();
    dht.nodes = 0;
    advertiser.start();
    const { cid } = await store(repository, 1);
    await clock.advance(5 * SECOND_MS);
    dht.nodes = 3;
    await clock.advance(35 * SECOND_MS);
    expect(dht.times(cid).length).toBe(2);
    await clock.advance(MINUTE_MS);
    expect(dht.times(cid).length).toBe(2);
    state.record = SignedRecord.sign(Identity.fromPrivateKey(new Uint8Array(32).fill(7)), {
      seq: 2,
      addresses: ['/ip4/192.0.2.1/tcp/8070'],
    });
    advertiser.refresh();
    advertiser.refresh();
    await clock.advance(10 * SECOND_MS);
    expect(dht.times(cid).length).toBe(3);
    expect(dht.told.at(-1)?.seq).toBe(2);
  });

  it('goes on after failures, silence and the lack of an address', async () => {
    const { clock, dht, advertiser, repository, state } = setUp();
    state.record = undefined;
    advertiser.start();
    const { cid, manifest } = await store(repository, 1);
    await clock.advance(5 * SECOND_MS);
    expect(dht.told).toEqual([]);
    state.record = record;
    dht.broken.add(NodeId.ofContent(cid.bytes).hex);
    advertiser.refresh();
    await clock.advance(5 * SECOND_MS);
    expect([dht.times(cid).length, dht.times(manifest.treeCid).length]).toEqual([0, 1]);
    dht.broken.clear();
    dht.durationMs = 2 * HOUR_MS;
    advertiser.provide(cid);
    await clock.advance(61 * SECOND_MS);
    expect(dht.underWay, 'given up after a minute').toBe(0);
    dht.durationMs = 10;
    await clock.advance(HOUR_MS);
    expect(dht.times(cid).length, formatCid(cid)).toBeGreaterThanOrEqual(1);
  });

  it('stops at once, with a round and announcements under way', async () => {
    const { clock, dht, advertiser, repository } = setUp();
    dht.durationMs = HOUR_MS;
    for (let seed = 1; seed <= 20; seed++) await store(repository, seed);
    advertiser.start();
    await clock.advance(10 * SECOND_MS);
    expect(dht.underWay).toBe(5);
    await advertiser.stop();
    await clock.advance(0);
    expect([dht.underWay, clock.pending]).toEqual([0, 0]);
  });
});
