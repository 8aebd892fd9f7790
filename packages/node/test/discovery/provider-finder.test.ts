import { sha256, treeCid } from '@codex/content';
import { type FindProvidersOptions, Identity, type NodeId, SignedRecord } from '@codex/discovery';
import { CodexError, noMetrics, raceSignal, silentLogger, VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { ProviderFinder } from '../../src/discovery/provider-finder.ts';

const SECOND_MS = 1000;
const identityOf = (seed: number) => {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(28, seed + 1);
  return Identity.fromPrivateKey(key);
};
const recordOf = (seed: number, seq = 1, addresses = [`/ip4/192.0.2.1/tcp/${1000 + seed}`]) =>
  SignedRecord.sign(identityOf(seed), { seq, addresses });
const cid = (text: string) => treeCid(sha256(new TextEncoder().encode(text)));

/** Tells its providers one after the other, a hundredth of a second apart. */
class SlowDht {
  readonly #clock: VirtualClock;
  readonly asked: string[] = [];
  readonly forgotten: string[] = [];
  providers: readonly SignedRecord[] = [];
  aborted = 0;
  /** After the last one was told. */
  tailMs = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async findProviders(content: NodeId, options: FindProvidersOptions = {}): Promise<readonly SignedRecord[]> {
    this.asked.push(content.hex);
    try {
      for (const record of this.providers) {
        await this.#clock.sleep(10, options);
        options.onFound?.(record);
      }
      await this.#clock.sleep(this.tailMs, options);
    } catch (error) {
      this.aborted++;
      throw error;
    }
    return this.providers;
  }

  forgetProvider(peerId: string): void {
    this.forgotten.push(peerId);
  }
}

class SlowNetwork {
  readonly #clock: VirtualClock;
  readonly peerId = identityOf(0).peerId;
  readonly dialled: { peer: string; addresses: readonly string[] }[] = [];
  readonly connected = new Set<string>();
  readonly unreachable = new Set<string>();
  dialMs = 100;
  underWay = 0;
  most = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  peers = () => [...this.connected];
  listenAddrs = () => ['/ip4/198.51.100.1/tcp/8070'];

  async connect(peer: string, addresses: readonly string[], options: { signal?: AbortSignal | undefined } = {}) {
    this.dialled.push({ peer, addresses });
    this.most = Math.max(this.most, ++this.underWay);
    try {
      await this.#clock.sleep(this.dialMs, options);
      if (this.unreachable.has(peer)) throw new CodexError('DIAL_FAILED', 'nobody there');
      this.connected.add(peer);
    } finally {
      this.underWay--;
    }
  }
}

function setUp(maxPeers = 160) {
  const clock = new VirtualClock();
  const dht = new SlowDht(clock);
  const network = new SlowNetwork(clock);
  const provided: string[] = [];
  const finder = new ProviderFinder(
    {
      discovery: dht,
      network,
      advertiser: { provide: ({ bytes }) => void provided.push(Buffer.from(bytes).toString('hex')) },
      announced: () => ['/ip4/198.51.100.1/tcp/8070'],
      clock,
      logger: silentLogger,
      metrics: noMetrics,
    },
    { maxPeers },
  );
  /** Runs a search and tells how long it took. */
  const find = async (text = 'a', limitMs = 120 * SECOND_MS) => {
    const began = clock.now();
    let took: number | undefined;
    const done = finder.find(cid(text)).then(() => {
      took = clock.now() - began;
    });
    await clock.advance(limitMs);
    await done;
    return took;
  };
  return { clock, dht, network, finder, find, provided };
}

describe('the finder of providers', () => {
  it('returns with the first connection, and connects the others meanwhile', async () => {
    const { dht, network, find } = setUp();
    dht.providers = [1, 2, 3, 4].map((seed) => recordOf(seed));
    dht.tailMs = 5 * SECOND_MS;
    expect(await find()).toBe(110);
    expect(network.connected.size).toBe(4);
    expect(network.dialled[0]).toEqual({ peer: recordOf(1).peerId, addresses: ['/ip4/192.0.2.1/tcp/1001'] });
  });

  it('returns when the search is over without anybody', async () => {
    const { dht, network, find } = setUp();
    dht.tailMs = 300;
    expect(await find()).toBe(300 + 700 + 300);
    expect(dht.asked).toHaveLength(2);
    dht.tailMs = 700;
    dht.providers = [recordOf(1)];
    network.unreachable.add(recordOf(1).peerId);
    expect(await find()).toBe(710);
    expect(dht.forgotten).toEqual([recordOf(1).peerId]);
  });

  it('looks once more when what it looks for is being announced', async () => {
    const { clock, dht, network, find } = setUp();
    clock.schedule(500, () => {
      dht.providers = [recordOf(1)];
    });
    expect(await find()).toBe(700 + 10 + 100);
    expect(network.connected.size).toBe(1);
  });

  it('does not dial itself, whom it is connected with, or where it cannot get', async () => {
    const { dht, network, find } = setUp();
    network.connected.add(recordOf(1).peerId);
    dht.providers = [
      recordOf(0),
      recordOf(1),
      recordOf(2, 1, ['/ip4/127.0.0.1/tcp/80', '/ip4/192.168.0.1/tcp/80', '/ip4/192.0.2.1/udp/8090']),
    ];
    dht.tailMs = 500;
    expect(await find(), 'one is connected already').toBe(20);
    expect(network.dialled).toEqual([]);
    expect(dht.forgotten).toEqual([]);
  });

  it('leaves alone for a minute whom it could not dial, unless it moved', async () => {
    const { clock, dht, network, find } = setUp();
    dht.providers = [recordOf(1)];
    network.unreachable.add(recordOf(1).peerId);
    await find('a', SECOND_MS);
    await find('b', SECOND_MS);
    expect(network.dialled).toHaveLength(1);
    dht.providers = [recordOf(1), recordOf(1, 2, ['/ip4/192.0.2.9/tcp/9'])];
    await find('c', SECOND_MS);
    expect(network.dialled.map(({ addresses }) => addresses[0])).toEqual([
      '/ip4/192.0.2.1/tcp/1001',
      '/ip4/192.0.2.9/tcp/9',
    ]);
    await clock.advance(60 * SECOND_MS);
    network.unreachable.clear();
    await find('d', SECOND_MS);
    expect(network.connected.size).toBe(1);
  });

  it('tries the newer of two records that one search finds', async () => {
    const { dht, network, find } = setUp();
    const [old, moved] = [recordOf(1), recordOf(1, 2, ['/ip4/192.0.2.9/tcp/9'])];
    dht.providers = [old, moved];
    const connect = network.connect.bind(network);
    network.connect = async (peer, addresses, options) => {
      if (addresses[0] === old.addresses[0]) network.unreachable.add(peer);
      else network.unreachable.delete(peer);
      await connect(peer, addresses, options);
    };
    await find();
    expect([...network.connected]).toEqual([moved.peerId]);
  });

  it('ends the search when eight providers are connected, and bounds what it dials', async () => {
    const { dht, network, find } = setUp();
    dht.providers = Array.from({ length: 100 }, (_, i) => recordOf(i + 1));
    dht.tailMs = 30 * SECOND_MS;
    await find();
    expect(dht.aborted).toBe(1);
    expect(network.connected.size).toBeGreaterThanOrEqual(8);
    expect(network.connected.size).toBeLessThanOrEqual(8 + 16);
    for (const record of dht.providers) network.unreachable.add(record.peerId);
    network.connected.clear();
    network.dialled.length = 0;
    network.dialMs = 15 * SECOND_MS;
    expect(await find('b')).toBeLessThanOrEqual(60 * SECOND_MS);
    expect(network.dialled.length).toBeLessThanOrEqual(32);
    expect(network.most).toBeLessThanOrEqual(16);
  });

  it('blames nobody when this node has all the peers that it takes', async () => {
    const { dht, network, find } = setUp(2);
    dht.providers = [1, 2, 3].map((seed) => recordOf(seed));
    network.connected.add('x').add('y');
    await find();
    expect([network.dialled, dht.forgotten]).toEqual([[], []]);
  });

  it('shares a search among those who ask, and ends it when all have left', async () => {
    const { clock, dht, network, finder } = setUp();
    dht.providers = [recordOf(1)];
    dht.tailMs = 10 * SECOND_MS;
    network.dialMs = 5 * SECOND_MS;
    const [one, two] = [new AbortController(), new AbortController()];
    const results = Promise.allSettled([
      finder.find(cid('a'), { signal: one.signal }),
      finder.find(cid('a'), { signal: two.signal }),
    ]);
    await clock.advance(SECOND_MS);
    expect(dht.asked).toHaveLength(1);
    one.abort(new Error('enough'));
    await clock.advance(SECOND_MS);
    expect(dht.aborted).toBe(0);
    two.abort(new Error('enough'));
    await clock.advance(0);
    dht.tailMs = 0;
    const again = finder.find(cid('a'));
    await clock.advance(0);
    expect(dht.asked).toHaveLength(2);
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([dht.aborted, network.underWay]).toEqual([1, 0]);
    await clock.advance(6 * SECOND_MS);
    await again;
    expect(clock.pending).toBe(0);
  });

  it('gives up a search that hangs, and stops with the node', async () => {
    const { clock, dht, finder, find } = setUp();
    dht.tailMs = 3600 * SECOND_MS;
    expect(await find()).toBe(60 * SECOND_MS);
    const hanging = finder.find(cid('b'));
    await clock.advance(SECOND_MS);
    finder.stop();
    await raceSignal(hanging, AbortSignal.timeout(1000));
    expect(clock.pending).toBe(0);
  });
});
