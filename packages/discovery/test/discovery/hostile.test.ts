import { afterEach, describe, expect, it } from 'vitest';
import { compareDistance, type NodeId } from '../../src/identity/node-id.ts';
import type { Request, Response } from '../../src/message/message.ts';
import { type MessageHandlers, Messenger } from '../../src/message/messenger.ts';
import { SignedRecord } from '../../src/record/signed-record.ts';
import { TestNetwork } from './network.ts';

let network: TestNetwork;
afterEach(() => network.stop());

interface Hostile {
  readonly record: SignedRecord;
  readonly messenger: Messenger;
}

/** A node that takes part in sessions and answers as it likes. Its id may be near to a target. */
async function hostile(
  answer: (request: Request, self: SignedRecord) => Response | undefined,
  init: { readonly near?: NodeId; readonly ip?: string; readonly port?: number } = {},
): Promise<Hostile> {
  let identity = network.identity();
  // The best of some: as close to the target as whoever has a little time can get.
  for (let i = 0; init.near && i < 40; i++) {
    const other = network.identity();
    if (compareDistance(init.near, other.nodeId, identity.nodeId) < 0) identity = other;
  }
  const { ip = `203.0.113.${network.random.int(250) + 1}`, port = 8090 } = init;
  const record = SignedRecord.sign(identity, { seq: 1, addresses: [`/ip4/${ip}/udp/${port}`] });
  const { datagrams, clock, random, curve, records } = network;
  const messenger = new Messenger(
    { identity, datagrams, clock, random, curve, records, localRecord: () => record, knownRecord: () => undefined },
    { listen: { ip, port } },
  );
  const handlers: MessageHandlers = {
    onRequest: (_, request) => answer(request, record),
    onNotice() {},
    onContact() {},
  };
  messenger.serve(handlers);
  await messenger.start();
  return { record, messenger };
}

/** Makes a node known to others, as one that pings them would be. */
async function introduce({ messenger }: Hostile, to: readonly { record: SignedRecord }[]): Promise<void> {
  for (const { record } of to) {
    const contact = { id: record.nodeId, endpoint: record.udp!, record };
    await network.until(messenger.request(contact, { kind: 'ping', seq: 1 }));
  }
}

const pong = (self: SignedRecord): Response => ({ kind: 'pong', seq: self.seq, endpoint: self.udp! });
const nodesOf = (records: readonly SignedRecord[]): Response => ({ kind: 'nodes', total: 1, records });

const some = (records: readonly SignedRecord[], count: number) =>
  Array.from({ length: count }, () => records[network.random.int(records.length)]!);

/** Records that verify, of nodes that do not exist. */
function invented(count: number): SignedRecord[] {
  return Array.from({ length: count }, (_, i) =>
    SignedRecord.sign(network.identity(), { seq: 1, addresses: [`/ip4/198.19.${i}.1/udp/9`] }),
  );
}

describe('nodes that lie', () => {
  let ghosts: SignedRecord[] = [];
  const lies: [string, (request: Request, self: SignedRecord) => Response | undefined][] = [
    ['say nothing', () => undefined],
    ['answer something else', (_, self) => pong(self)],
    ['tell of themselves only', (request, self) => (request.kind === 'ping' ? pong(self) : nodesOf([self]))],
    ['tell of nobody', (request, self) => (request.kind === 'ping' ? pong(self) : nodesOf([]))],
    [
      'tell of nodes that do not exist',
      (request, self) => (request.kind === 'ping' ? pong(self) : nodesOf(some(ghosts, 16))),
    ],
  ];

  it.each(lies)('and %s change nothing about what is found', async (_, answer) => {
    network = new TestNetwork(31);
    const nodes = await network.grow(25);
    ghosts = invented(48);
    const content = network.someId();
    const identity = network.identity();
    const provider = await network.add({ identity, bootstrap: [nodes[0]!.record] });
    await network.until(provider.joined);
    const liars: Hostile[] = [];
    for (let i = 0; i < 4; i++) {
      const liar = await hostile(answer, { near: content, ip: `203.0.113.${i + 1}` });
      await introduce(liar, nodes.slice(0, 20));
      liars.push(liar);
    }
    await network.until(provider.provide(content, network.providerRecord(identity)));
    const searcher = nodes[22]!;
    const began = network.clock.monotonic();
    const found = await network.until(searcher.findProviders(content));
    expect(found.map(({ peerId }) => peerId)).toEqual([identity.peerId]);
    expect(network.clock.monotonic() - began).toBeLessThan(15_000);
    const { closest } = await network.until(searcher.lookup(content));
    const real = new Set([...nodes, provider].map((node) => node.nodeId.hex));
    const own = new Set(liars.map(({ record }) => record.nodeId.hex));
    expect(closest.every(({ nodeId }) => real.has(nodeId.hex) || own.has(nodeId.hex))).toBe(true);
    expect(closest.filter(({ nodeId }) => real.has(nodeId.hex)).length).toBeGreaterThanOrEqual(12);
    for (const { messenger } of liars) await messenger.stop();
  });

  it('and invent a hundred providers are neither enough nor first', async () => {
    network = new TestNetwork(32);
    const nodes = await network.grow(25);
    const content = network.someId();
    const identities = [network.identity(), network.identity(), network.identity()];
    for (const identity of identities) {
      const provider = await network.add({ identity, bootstrap: [nodes[0]!.record] });
      await network.until(provider.joined);
      await network.until(provider.provide(content, network.providerRecord(identity)));
    }
    const fakes = invented(100);
    const liar = await hostile(
      (request, self) => {
        if (request.kind === 'getProviders') return { kind: 'providers', total: 1, records: fakes };
        return request.kind === 'ping' ? pong(self) : nodesOf([]);
      },
      { near: content },
    );
    await introduce(liar, nodes);
    let heard = 0;
    const found = await network.until(nodes[5]!.findProviders(content, { enough: 20, onFound: () => heard++ }));
    const real = new Set(identities.map(({ peerId }) => peerId));
    expect(found.length).toBeGreaterThan(3);
    expect(new Set(found.slice(0, 3).map(({ peerId }) => peerId))).toEqual(real);
    expect(found.length).toBeLessThanOrEqual(3 + 50);
    expect(heard).toBe(found.length);
    await liar.messenger.stop();
  });
});

describe('one address', () => {
  it('with a hundred living identities gets at most ten places in a table', async () => {
    network = new TestNetwork(33);
    const nodes = await network.grow(10);
    const [victim] = nodes;
    const sybils: Hostile[] = [];
    for (let i = 0; i < 100; i++) {
      const sybil = await hostile((request, self) => (request.kind === 'ping' ? pong(self) : nodesOf([])), {
        ip: '203.0.113.66',
        port: 1000 + i,
      });
      // As fast as handshakes from one address are taken.
      await network.clock.advance(300);
      await introduce(sybil, [victim!]);
      sybils.push(sybil);
    }
    const places = victim!.table().filter(({ endpoint }) => endpoint.ip === '203.0.113.66');
    expect(places.length).toBeGreaterThan(0);
    expect(places.length).toBeLessThanOrEqual(10);
    for (const { messenger } of sybils) await messenger.stop();
  });
});

describe('one address around a content', () => {
  it('with providers that it invented does not end a search before others are heard', async () => {
    network = new TestNetwork(36);
    const nodes = await network.grow(25);
    const content = network.someId();
    const identity = network.identity();
    const provider = await network.add({ identity, bootstrap: [nodes[0]!.record] });
    await network.until(provider.joined);
    const fakes = invented(64);
    const sybils: Hostile[] = [];
    const lie = (request: Request, self: SignedRecord): Response => {
      const at = network.random.int(fakes.length - 16);
      if (request.kind === 'getProviders') return { kind: 'providers', total: 1, records: fakes.slice(at, at + 16) };
      return request.kind === 'ping' ? pong(self) : nodesOf(sybils.map(({ record }) => record).slice(0, 16));
    };
    for (let i = 0; i < 12; i++) {
      const sybil = await hostile(lie, { near: content, ip: '203.0.113.66', port: 1000 + i });
      sybils.push(sybil);
      await introduce(sybil, nodes);
      await network.clock.advance(5000);
    }
    await network.until(provider.provide(content, network.providerRecord(identity)));
    for (const searcher of nodes) {
      const found = await network.until(searcher.findProviders(content));
      expect(found.map(({ peerId }) => peerId)).toContain(identity.peerId);
    }
    for (const { messenger } of sybils) await messenger.stop();
  });
});

describe('junk', () => {
  it('of a hundred thousand bytes and of every kind leaves a node as it was', async () => {
    network = new TestNetwork(34);
    const nodes = await network.grow(5);
    const socket = await network.datagrams.bind({ ip: '203.0.113.5', port: 1 });
    for (let i = 0; i < 1000; i++) {
      socket.send(nodes[1]!.local!, network.random.bytes(network.random.int(200)));
      if (i % 50 === 0) await network.clock.advance(500);
    }
    await network.clock.advance(1000);
    expect((await network.until(nodes[1]!.lookup(network.someId()))).closest).toHaveLength(4);
    expect(nodes[1]!.table().filter(({ seen }) => seen)).toHaveLength(4);
    await socket.close();
  });

  it('in storage is passed over', async () => {
    network = new TestNetwork(35);
    const { MemoryStorage } = await import('../../src/storage/memory-storage.ts');
    const storage = new MemoryStorage();
    const key = (kind: number, length: number) => Uint8Array.from([kind, ...network.random.bytes(length)]);
    await storage.write([
      [key(1, 32), network.random.bytes(200)],
      [key(2, 72), network.random.bytes(10)],
      [key(3, 32), network.random.bytes(200)],
      [key(9, 3), network.random.bytes(3)],
      [key(1, 5), network.random.bytes(3)],
      [new Uint8Array(), new Uint8Array()],
    ]);
    const first = await network.add();
    const node = await network.add({ storage, bootstrap: [first.record] });
    await network.until(node.joined);
    expect(node.table()).toHaveLength(1);
  });
});
