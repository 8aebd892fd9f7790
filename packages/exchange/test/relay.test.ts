import { randomBytes } from 'node:crypto';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, describe, expect, it } from 'vitest';
import { Libp2pNetwork, type Libp2pNetworkInit, parsePeerAddress, type RelayInit } from '../src/index.ts';
import { listenAddresses } from '../src/network/listen-addresses.ts';
import { collect, echo } from './network-suite.ts';
import { open, readAll, startNode, upload } from './nodes.ts';

const PROTOCOL = '/test/echo/1.0.0';
const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
});

function create(relay: Partial<RelayInit>, init: Partial<Libp2pNetworkInit> = {}): Promise<Libp2pNetwork> {
  return Libp2pNetwork.create({
    privateKey: randomBytes(32),
    listenAddrs: ['/ip4/127.0.0.1/tcp/0'],
    maxPeers: 16,
    agentVersion: 'Codex',
    relay: { client: false, server: false, relays: [], ...relay },
    ...init,
  });
}

async function start(network: Libp2pNetwork): Promise<Libp2pNetwork> {
  running.push(network);
  await network.start();
  return network;
}

const addressOf = (network: Libp2pNetwork) =>
  `${network.listenAddrs().find((address) => !address.includes('p2p-circuit'))}/p2p/${network.peerId}`;
const placesOf = (network: Libp2pNetwork) => network.listenAddrs().filter((address) => address.includes('p2p-circuit'));

/** A relay, a node that only listens at it, and another client. */
async function three(): Promise<{
  relay: Libp2pNetwork;
  hidden: Libp2pNetwork;
  visitor: Libp2pNetwork;
  place: string;
}> {
  const relay = await start(await create({ server: true }));
  const hidden = await create({ relays: [addressOf(relay)] }, { listenAddrs: [] });
  await hidden.handle(PROTOCOL, (_, stream) => echo(stream));
  await start(hidden);
  await expect.poll(() => placesOf(hidden).length, { timeout: 5_000 }).toBeGreaterThan(0);
  const visitor = await start(await create({ client: true }));
  return { relay, hidden, visitor, place: placesOf(hidden)[0]! };
}

async function echoed(from: Libp2pNetwork, to: Libp2pNetwork, bytes: Uint8Array): Promise<Buffer> {
  const stream = await from.openStream(to.peerId, [PROTOCOL]);
  const answer = collect(stream);
  stream.write(bytes);
  await stream.close();
  return answer;
}

describe('a node that listens at a relay only', () => {
  it('is reached there by clients', async () => {
    const { relay, hidden, visitor, place } = await three();
    expect(place).toBe(`${addressOf(relay)}/p2p-circuit`);
    await visitor.connect(hidden.peerId, [`${place}/p2p/${hidden.peerId}`]);
    await expect.poll(() => hidden.peers()).toContain(visitor.peerId);
    const bytes = randomBytes(300_000);
    expect((await echoed(visitor, hidden, bytes)).equals(bytes)).toBe(true);
  });

  it('offers to be dialled back, over the relay', async () => {
    const { hidden, visitor, place } = await three();
    await visitor.connect(hidden.peerId, [place]);
    const stream = await visitor.openStream(hidden.peerId, ['/libp2p/dcutr']);
    expect(stream.protocol).toBe('/libp2p/dcutr');
    stream.abort(new Error('enough'));
  });

  it('is a peer like others for static peers', async () => {
    const { hidden, place } = await three();
    const visitor = await start(await create({ client: true }, { staticPeers: [`${place}/p2p/${hidden.peerId}`] }));
    await expect.poll(() => visitor.peers(), { timeout: 5_000 }).toContain(hidden.peerId);
  });

  it('is not reached by nodes that do not relay', async () => {
    const { hidden, place } = await three();
    const plain = await start(await create({}));
    await expect(plain.connect(hidden.peerId, [place])).rejects.toMatchObject({ code: 'DIAL_FAILED' });
  });

  it('takes its place again after the relay was away', async () => {
    const key = randomBytes(32);
    const relay = await create({ server: true }, { privateKey: key });
    await relay.start();
    const port = Number(addressOf(relay).split('/')[4]);
    const hidden = await start(await create({ relays: [addressOf(relay)] }, { listenAddrs: [] }));
    await expect.poll(() => placesOf(hidden).length, { timeout: 5_000 }).toBeGreaterThan(0);
    await relay.stop();
    await expect.poll(() => placesOf(hidden), { timeout: 5_000 }).toEqual([]);
    await start(await create({ server: true }, { privateKey: key, listenAddrs: [`/ip4/127.0.0.1/tcp/${port}`] }));
    await expect.poll(() => placesOf(hidden).length, { timeout: 10_000 }).toBeGreaterThan(0);
  });
});

it('datasets travel through a relay, and directly as soon as there is a way', async () => {
  const relay = await start(await create({ server: true }));
  const relays = [addressOf(relay)];
  const [seeder, leecher] = await Promise.all(
    [create({ relays }), create({ client: true })].map(async (network) => startNode({ network: await network })),
  );
  running.push(seeder!, leecher!);
  const network = seeder!.network as Libp2pNetwork;
  await expect.poll(() => placesOf(network).length, { timeout: 5_000 }).toBeGreaterThan(0);
  await leecher!.network.connect(network.peerId, placesOf(network));
  for (const way of ['relayed', 'direct', 'without the relay']) {
    const source = await upload(seeder!, randomBytes(1_000_000));
    if (way === 'direct') {
      await leecher!.network.connect(network.peerId, [parsePeerAddress(addressOf(network)).address]);
    }
    if (way === 'without the relay') await relay.stop();
    const dataset = await open(leecher!, source);
    await leecher!.exchange.fetchDataset(dataset);
    expect((await readAll(dataset, source.bytes.length)).equals(source.bytes)).toBe(true);
  }
});

it('nodes without these options speak none of the protocols', async () => {
  const [plain, other] = [await start(await create({})), await start(await create({}))];
  await plain.connect(other.peerId, other.listenAddrs());
  for (const protocol of ['/libp2p/circuit/relay/0.2.0/hop', '/libp2p/circuit/relay/0.2.0/stop', '/libp2p/dcutr']) {
    await expect(plain.openStream(other.peerId, [protocol])).rejects.toMatchObject({ code: 'PROTOCOL_UNSUPPORTED' });
  }
});

describe('addresses', () => {
  const peer = '16Uiu2HAmLb6x8CmU6v6Mopiftir16SeBnhcat5dWwKCxbs3P8oRt';
  const relay = '16Uiu2HAkzGFfvyTjgPDJQL2nA9SUjdiEB8zDCB6mkkJbYGhGfoyL';
  it('of peers behind relays are read', () => {
    const address = `/ip4/192.0.2.1/tcp/80/p2p/${relay}/p2p-circuit`;
    expect(parsePeerAddress(`${address}/p2p/${peer}`)).toEqual({ peer, address });
    for (const bad of [
      address,
      `/p2p/${relay}/p2p-circuit/p2p/${peer}`,
      `/ip4/192.0.2.1/tcp/80/p2p-circuit/p2p/${peer}`,
    ]) {
      expect(() => parsePeerAddress(bad)).toThrow();
    }
  });

  it('that are public and bound are named, though no other node has tried them', () => {
    const confirmed = new Set<string>();
    const entry = (text: string, type: string, verified: boolean) => ({ multiaddr: multiaddr(text), type, verified });
    const entries = [
      entry('/ip4/127.0.0.1/tcp/1', 'transport', true),
      entry('/ip4/93.184.216.34/tcp/1', 'transport', false),
      entry('/ip4/93.184.216.99/tcp/40000', 'observed', false),
    ];
    const addresses = listenAddresses({
      getAddressesWithMetadata: () => entries,
      confirmObservedAddr: (address) => confirmed.add(`${address}`),
      getAddresses: () =>
        entries
          .filter((address) => address.verified || confirmed.has(`${address.multiaddr}`))
          .map((address) => address.multiaddr.encapsulate(`/p2p/${peer}`)),
    });
    expect(addresses).toEqual(['/ip4/127.0.0.1/tcp/1', '/ip4/93.184.216.34/tcp/1']);
  });
});
