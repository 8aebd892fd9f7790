import { afterEach, describe, expect, it } from 'vitest';
import type { Discovery } from '../../src/discovery.ts';
import { compareDistance, type NodeId } from '../../src/identity/node-id.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import { TestNetwork } from './network.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Where days pass: most of the work of a day is pings. */
const calm = { revalidateMinMs: 10 * MINUTE, revalidateMaxMs: 20 * MINUTE, lookupEveryMs: HOUR };

let network: TestNetwork;
afterEach(() => network.stop());

const nearest = (nodes: readonly Discovery[], target: NodeId, count: number) =>
  nodes
    .map((node) => node.nodeId)
    .sort((a, b) => compareDistance(target, a, b))
    .slice(0, count)
    .map(({ hex }) => hex);

const peers = (records: readonly { peerId: string }[]) => records.map(({ peerId }) => peerId);

describe('joining', () => {
  it.each([2, 20, 100])(
    '%i nodes through one of them: each is found from each',
    async (count) => {
      network = new TestNetwork(count);
      const nodes = await network.grow(count);
      expect(nodes.map((node) => node.table().filter(({ seen }) => seen).length).every((known) => known > 0)).toBe(
        true,
      );
      for (let i = 0; i < Math.min(count, 10); i++) {
        const target = nodes[(i * 37 + 1) % count]!;
        const from = nodes[(i * 53) % count]!;
        const found = await network.until(from.resolve(target.nodeId));
        expect(found?.uri).toBe(target.record.uri);
      }
      const target = network.someId();
      const { closest, failures } = await network.until(nodes.at(-1)!.lookup(target));
      const wanted = nearest(nodes.slice(0, -1), target, 16);
      expect(closest.filter(({ nodeId }) => wanted.includes(nodeId.hex)).length).toBeGreaterThanOrEqual(
        wanted.length * 0.9,
      );
      expect(failures).toBe(0);
    },
    120_000,
  );

  it('alone is at once over; who comes later is known', async () => {
    network = new TestNetwork(1);
    const first = await network.add();
    await network.until(first.joined, 100);
    const second = await network.add({ bootstrap: [first.record] });
    await network.until(second.joined);
    expect(peers(first.table().map(({ record }) => record))).toEqual([second.record.peerId]);
  });

  it('goes on trying while the bootstrap node is away, with less than a packet a second', async () => {
    network = new TestNetwork(1);
    const first = await network.add();
    const { record, local } = first;
    network.datagrams.kill(local!);
    await network.add({ bootstrap: [record] });
    const { sent } = network.datagrams.counts;
    await network.clock.advance(20 * MINUTE);
    expect(network.datagrams.counts.sent - sent).toBeLessThan(20 * 60);
    expect(network.datagrams.counts.sent - sent).toBeGreaterThan(20);
  });

  it('finds a bootstrap node that comes back', async () => {
    network = new TestNetwork(1);
    const identity = network.identity();
    const first = await network.add({ identity, ip: '198.18.9.9' });
    const { record } = first;
    await first.stop();
    const second = await network.add({ bootstrap: [record] });
    await network.clock.advance(MINUTE);
    expect(second.table().filter(({ seen }) => seen)).toEqual([]);
    await network.add({ identity, ip: '198.18.9.9' });
    await network.until(second.joined);
    expect(second.table().filter(({ seen }) => seen)).toHaveLength(1);
  });

  it('ignores itself and records without an address among its bootstrap nodes', async () => {
    network = new TestNetwork(1);
    const identity = network.identity();
    const own = await network.add({ identity, ip: '198.18.9.9' });
    await own.stop();
    const node = await network.add({
      identity,
      ip: '198.18.9.9',
      bootstrap: [own.record, network.providerRecord(network.identity())],
    });
    await network.until(node.joined, 100);
    expect(node.table()).toEqual([]);
  });
});

describe('providers', () => {
  it('are found by others, from their own announcements', async () => {
    network = new TestNetwork(4);
    const identity = network.identity();
    const nodes = await network.grow(30);
    const provider = await network.add({ identity, bootstrap: [nodes[0]!.record] });
    await network.until(provider.joined);
    const content = network.someId();
    const record = network.providerRecord(identity);
    expect(await network.until(provider.provide(content, record))).toEqual({ asked: 16, confirmed: 2 });
    const heard: string[] = [];
    const found = await network.until(nodes[7]!.findProviders(content, { onFound: (r) => heard.push(r.peerId) }));
    expect(peers(found)).toEqual([record.peerId]);
    expect(heard).toEqual([record.peerId]);
    // The own record is not among what it finds.
    expect(await network.until(provider.findProviders(content))).toEqual([]);
    expect(await network.until(nodes[3]!.findProviders(network.someId()))).toEqual([]);
  });

  it('are found with a newer record after it was announced', async () => {
    network = new TestNetwork(5);
    const nodes = await network.grow(5);
    const identity = network.identity();
    const provider = await network.add({ identity, bootstrap: [nodes[0]!.record] });
    await network.until(provider.joined);
    const content = network.someId();
    for (const seq of [1, 7, 3]) await network.until(provider.provide(content, network.providerRecord(identity, seq)));
    const found = await network.until(nodes[2]!.findProviders(content));
    expect(found.map(({ seq }) => seq)).toEqual([7]);
  });

  it('are forgotten after a day, unless they announce again', async () => {
    network = new TestNetwork(6, { latencyMs: () => 20 }, { limits: calm });
    const nodes = await network.grow(5);
    const identities = [network.identity(), network.identity()];
    const content = network.someId();
    const providers: Discovery[] = [];
    for (const identity of identities) {
      const node = await network.add({ identity, bootstrap: [nodes[0]!.record] });
      await network.until(node.joined);
      await network.until(node.provide(content, network.providerRecord(identity)));
      providers.push(node);
    }
    await network.clock.advance(23 * HOUR);
    expect(await network.until(nodes[1]!.findProviders(content))).toHaveLength(2);
    await network.until(providers[0]!.provide(content, network.providerRecord(identities[0]!)));
    await network.clock.advance(2 * HOUR);
    expect(peers(await network.until(nodes[1]!.findProviders(content)))).toEqual([identities[0]!.peerId]);
  });

  it('are announced by nobody but themselves', async () => {
    network = new TestNetwork(7);
    const nodes = await network.grow(5);
    const victim = network.identity();
    const content = network.someId();
    const asked = await network.until(nodes[1]!.provide(content, network.providerRecord(victim)));
    expect(asked.confirmed).toBe(0);
    expect(await network.until(nodes[3]!.findProviders(content))).toEqual([]);
  });

  it('in enough number end the search early', async () => {
    network = new TestNetwork(8);
    const nodes = await network.grow(40);
    const content = network.someId();
    for (let i = 0; i < 12; i++) {
      const identity = network.identity();
      const node = await network.add({ identity, bootstrap: [nodes[0]!.record] });
      await network.until(node.joined);
      await network.until(node.provide(content, network.providerRecord(identity), { verify: false }));
    }
    // Who waits for everybody waits for the dead.
    for (const node of nodes.slice(1, 20)) network.kill(node);
    const timed = async (enough: number) => {
      const began = network.clock.monotonic();
      const found = await network.until(nodes[25]!.findProviders(content, { enough }));
      return { count: found.length, ms: network.clock.monotonic() - began };
    };
    const some = await timed(4);
    const all = await timed(1000);
    expect(all.count).toBe(12);
    expect(some.count).toBeGreaterThanOrEqual(4);
    expect(some.ms).toBeLessThan(1000);
    expect(all.ms).toBeGreaterThanOrEqual(2000);
    await Promise.all(nodes.map((node) => node.stop()));
  });

  it('that cannot be dialled are dropped from the own store', async () => {
    network = new TestNetwork(9);
    const identity = network.identity();
    const provider = await network.add({ identity });
    const other = await network.add({ bootstrap: [provider.record] });
    await network.until(other.joined);
    const content = network.someId();
    await network.until(provider.provide(content, network.providerRecord(identity)));
    network.kill(provider);
    expect(await network.until(other.findProviders(content))).toHaveLength(1);
    other.forgetProvider(identity.peerId);
    other.forgetProvider('no peer id');
    expect(await network.until(other.findProviders(content))).toEqual([]);
    await provider.stop();
  });

  it('survive the loss of every fifth packet', async () => {
    network = new TestNetwork(10);
    const nodes = await network.grow(20);
    network.datagrams.setFaults({ loss: 0.2, jitterMs: 30, duplication: 0.05 });
    let found = 0;
    for (let i = 0; i < 4; i++) {
      const identity = network.identity();
      const provider = await network.add({ identity, bootstrap: [nodes[0]!.record] });
      await network.until(provider.joined);
      const content = network.someId();
      await network.until(provider.provide(content, network.providerRecord(identity)));
      found += (await network.until(nodes[i + 1]!.findProviders(content))).length;
    }
    expect(found).toBe(4);
  });
});

describe('many nodes behind one public address', () => {
  it('find each other all the same', async () => {
    network = new TestNetwork(11);
    const identity = network.identity();
    const ip = '203.0.113.1';
    const first = await network.add({ listen: { ip, port: 1 } });
    for (let i = 2; i <= 16; i++) {
      const listen = { ip, port: i };
      const node = await network.add({ listen, bootstrap: [first.record], ...(i === 9 && { identity }) });
      await network.until(node.joined);
      // As fast as handshakes from one address are taken.
      await network.clock.advance(5000);
    }
    const content = network.someId();
    const provider = network.nodes[8]!;
    const { asked } = await network.until(provider.provide(content, network.providerRecord(identity)));
    expect(asked).toBeGreaterThanOrEqual(8);
    for (const node of network.nodes.slice(10)) {
      expect(peers(await network.until(node.findProviders(content)))).toEqual([identity.peerId]);
    }
  });
});

describe('records of nodes', () => {
  it('newer ones are found by others', async () => {
    network = new TestNetwork(12);
    const nodes = await network.grow(20);
    const [, moved] = nodes;
    const before = moved!.record;
    const { ip, port } = moved!.local!;
    const after = moved!.announce([`/ip4/${ip}/udp/${port}`, `/ip4/${ip}/tcp/8070`]);
    expect(after.seq).toBeGreaterThan(before.seq);
    expect(moved!.announce(after.addresses)).toBe(after);
    for (const node of nodes.slice(2, 8)) {
      expect((await network.until(node.resolve(moved!.nodeId)))?.addresses).toEqual(after.addresses);
    }
    expect(await moved!.resolve(moved!.nodeId)).toBe(after);
    // Revalidation brings it to those who did not ask.
    await network.clock.advance(10 * MINUTE);
    const known = nodes.flatMap((node) => node.table().filter(({ record }) => record.peerId === after.peerId));
    expect(known.length).toBeGreaterThan(10);
    expect(known.filter(({ record }) => record.seq !== after.seq)).toEqual([]);
  });

  it('of nobody are not found', async () => {
    network = new TestNetwork(13);
    const nodes = await network.grow(10);
    expect(await network.until(nodes[4]!.resolve(network.someId()))).toBeUndefined();
  });

  it('of nodes that claim another endpoint do not get into tables', async () => {
    network = new TestNetwork(14);
    const nodes = await network.grow(5);
    const liar = await network.add({ bootstrap: [nodes[0]!.record], addresses: ['/ip4/192.0.2.66/udp/53'] });
    await network.until(liar.joined);
    await network.clock.advance(5 * MINUTE);
    for (const node of nodes) expect(peers(node.table().map(({ record }) => record))).not.toContain(liar.record.peerId);
    // It takes part as one that asks.
    expect((await network.until(liar.lookup(network.someId()))).closest).toHaveLength(5);
  });
});

describe('a node that is started again', () => {
  it('finds its network from disk when its bootstrap node is gone', async () => {
    network = new TestNetwork(15);
    const nodes = await network.grow(30);
    const identity = network.identity();
    const storage = new MemoryStorage();
    const content = network.someId();
    const init = { identity, storage, ip: '198.18.200.1' };
    const before = await network.add({ ...init, bootstrap: [nodes[0]!.record] });
    await network.until(before.joined);
    await network.until(nodes[5]!.provide(content, nodes[5]!.record));
    const { seq } = before.record;
    await before.stop();
    network.kill(nodes[0]!);
    const again = await network.add(init);
    expect(again.record.seq).toBeGreaterThan(seq);
    await network.until(again.joined);
    expect(again.table().filter(({ seen }) => seen).length).toBeGreaterThan(10);
    const { closest } = await network.until(again.lookup(network.someId()));
    expect(closest).toHaveLength(16);
    expect(await network.until(again.findProviders(content))).toHaveLength(1);
  });

  it('still has the providers that others announced to it', async () => {
    network = new TestNetwork(16);
    const storage = new MemoryStorage();
    const identity = network.identity();
    const provider = await network.add({ identity });
    const init = { identity: network.identity(), storage, ip: '198.18.200.1' };
    const before = await network.add({ ...init, bootstrap: [provider.record] });
    await network.until(before.joined);
    const content = network.someId();
    await network.until(provider.provide(content, network.providerRecord(identity)));
    await network.clock.advance(HOUR);
    network.kill(provider);
    network.kill(before);
    // Killed, not stopped: what was written by then is what there is.
    const again = await network.add(init);
    expect(peers(await network.until(again.findProviders(content)))).toEqual([identity.peerId]);
    await Promise.all([provider.stop(), before.stop()]);
  });
});

describe('when half of 40 nodes die at once', () => {
  it('the others find each other and what was announced, and forget the dead', async () => {
    network = new TestNetwork(17);
    const nodes = await network.grow(40);
    const contents: NodeId[] = [];
    for (let i = 0; i < 5; i++) {
      const identity = network.identity();
      const provider = await network.add({ identity, bootstrap: [nodes[0]!.record] });
      await network.until(provider.joined);
      const content = network.someId();
      await network.until(provider.provide(content, network.providerRecord(identity)));
      contents.push(content);
    }
    const dead = nodes.filter((_, i) => i % 2 === 0);
    for (const node of dead) network.kill(node);
    const alive = nodes.filter((_, i) => i % 2 === 1);
    let found = 0;
    for (const [i, content] of contents.entries()) {
      found += (await network.until(alive[i]!.findProviders(content))).length;
    }
    expect(found).toBe(contents.length);
    await network.clock.advance(20 * MINUTE);
    const gone = new Set(dead.map((node) => node.nodeId.hex));
    for (const node of alive) {
      const seen = node.table().filter((known) => known.seen);
      expect(seen.filter(({ record }) => gone.has(record.nodeId.hex))).toEqual([]);
      expect(seen.length).toBeGreaterThan(12);
    }
    const { failures, closest } = await network.until(alive[3]!.lookup(network.someId()));
    expect(closest).toHaveLength(16);
    expect(failures).toBeLessThanOrEqual(1);
    await Promise.all(dead.map((node) => node.stop()));
  });

  it('nobody is forgotten while the own network is away', async () => {
    network = new TestNetwork(18);
    const nodes = await network.grow(20);
    const [node] = nodes.slice(-1);
    const before = node!.table().length;
    const isOwn = (ip: string) => ip === node!.local!.ip;
    network.datagrams.partition((from, to) => isOwn(from.ip) !== isOwn(to.ip));
    await network.clock.advance(2 * HOUR);
    network.datagrams.partition(undefined);
    expect(node!.table().length).toBeGreaterThanOrEqual(before - 8);
    await network.clock.advance(5 * MINUTE);
    expect(node!.table().filter(({ seen }) => seen).length).toBeGreaterThan(10);
    // Virtual time, but much of it: a busy machine needs a while.
  }, 120_000);
});

describe('the address that others see', () => {
  it('is told once ten agree on another than the own record names', async () => {
    network = new TestNetwork(19);
    const nodes = await network.grow(25);
    const node = await network.add({ bootstrap: [nodes[0]!.record], addresses: ['/ip4/192.0.2.1/udp/8090'] });
    const observed: [unknown, number][] = [];
    const off = node.onObserved((endpoint, votes) => observed.push([endpoint, votes]));
    await network.clock.advance(10 * MINUTE);
    expect(observed).toEqual([[node.local, 10]]);
    node.announce([`/ip4/${node.local!.ip}/udp/8090`]);
    await network.clock.advance(10 * MINUTE);
    expect(observed).toHaveLength(1);
    off();
  });

  it('is nothing new to nodes that announce it', async () => {
    network = new TestNetwork(20);
    const nodes = await network.grow(25);
    const observed: unknown[] = [];
    nodes[3]!.onObserved((endpoint) => observed.push(endpoint));
    await network.clock.advance(10 * MINUTE);
    expect(observed).toEqual([]);
  });
});

describe('stopping', () => {
  it('ends what is under way with DISCOVERY_STOPPED, leaves no timer, and is harmless twice', async () => {
    network = new TestNetwork(21);
    const nodes = await network.grow(10);
    const [node] = nodes.slice(-1);
    const idle = network.clock.pending;
    const { record } = node!;
    const working = [
      node!.lookup(network.someId()),
      node!.findProviders(network.someId()),
      node!.provide(network.someId(), record),
      node!.resolve(network.someId()),
    ];
    const failures = Promise.all(
      working.map((work) => expect(work).rejects.toMatchObject({ code: 'DISCOVERY_STOPPED' })),
    );
    await network.clock.advance(10);
    await Promise.all([node!.stop(), node!.stop()]);
    await failures;
    await expect(node!.lookup(network.someId())).rejects.toMatchObject({ code: 'DISCOVERY_STOPPED' });
    expect(node!.local).toBeUndefined();
    await network.clock.advance(1);
    expect(network.clock.pending).toBeLessThanOrEqual(idle + 5);
    await Promise.all(nodes.map((other) => other.stop()));
    await network.clock.advance(5000);
    expect(network.clock.pending).toBe(0);
  });

  it('before joining rejects `joined`', async () => {
    network = new TestNetwork(22);
    const node = await network.add({ bootstrap: [(await network.add()).record] });
    const failure = expect(node.joined).rejects.toMatchObject({ code: 'DISCOVERY_STOPPED' });
    await node.stop();
    await failure;
  });

  it('an aborted call ends with the reason of its signal', async () => {
    network = new TestNetwork(23);
    const nodes = await network.grow(10);
    const controller = new AbortController();
    const search = nodes[3]!.findProviders(network.someId(), { signal: controller.signal });
    const failure = expect(search).rejects.toThrow('never mind');
    await network.clock.advance(10);
    controller.abort(new Error('never mind'));
    await failure;
  });

  it('a port that is taken is BIND_FAILED, and stop is harmless then', async () => {
    network = new TestNetwork(24);
    await network.add({ ip: '198.18.1.1' });
    await expect(network.add({ ip: '198.18.1.1' })).rejects.toMatchObject({ code: 'BIND_FAILED' });
  });
});
