import { randomBytes } from 'node:crypto';
import { noMetrics } from '@codex/runtime';
import { expect, it } from 'vitest';
import { Libp2pNetwork, MemoryHub, MemoryNetwork } from '../src/index.ts';
import { describePeerNetwork } from './network-suite.ts';

const createLibp2p = (staticPeers: string[] = [], privateKey = randomBytes(32), port = 0) =>
  Libp2pNetwork.create({
    privateKey,
    listenAddrs: [`/ip4/127.0.0.1/tcp/${port}`],
    maxPeers: 160,
    agentVersion: 'Codex',
    staticPeers,
  });

describePeerNetwork({
  name: 'libp2p',
  create: () => createLibp2p(),
  otherPeer: async () => (await createLibp2p()).peerId,
});

const hub = new MemoryHub();
let nextPeer = 0;
describePeerNetwork({
  name: 'memory',
  create: async () => new MemoryNetwork({ hub }, { peerId: `peer-${nextPeer++}` }),
  otherPeer: async () => 'nobody',
});

const slowHub = new MemoryHub({}, { latencyMs: 2, bytesPerSecond: 50_000_000 });
describePeerNetwork({
  name: 'memory with latency',
  create: async () => new MemoryNetwork({ hub: slowHub }, { peerId: `peer-${nextPeer++}` }),
  otherPeer: async () => 'nobody',
});

it('has a secp256k1 peer id and expands the listen port', async () => {
  const network = await createLibp2p();
  await network.start();
  try {
    expect(network.peerId).toMatch(/^16Uiu2/);
    expect(network.listenAddrs()[0]).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*$/);
  } finally {
    await network.stop();
  }
});

it('takes only addresses that it can dial', async () => {
  const network = await createLibp2p();
  await network.start();
  const other = (await createLibp2p()).peerId;
  try {
    for (const address of [
      'nonsense',
      '/dns4/example.org/tcp/1',
      '/ip4/127.0.0.1/udp/1',
      `/ip4/127.0.0.1/tcp/1/p2p/${network.peerId}`,
    ]) {
      await expect(network.connect(other, [address])).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
    }
  } finally {
    await network.stop();
  }
});

it('connects static peers, and again after they come back', async () => {
  const key = randomBytes(32);
  let remote = await createLibp2p([], key);
  await remote.start();
  const address = remote.listenAddrs()[0]!;
  const local = await createLibp2p([`${address}/p2p/${remote.peerId}`]);
  await local.start();
  try {
    await expect.poll(() => local.peers(), { timeout: 5_000 }).toEqual([remote.peerId]);
    await remote.stop();
    await expect.poll(() => local.peers(), { timeout: 5_000 }).toEqual([]);
    remote = await createLibp2p([], key, Number(address.split('/').at(-1)));
    await remote.start();
    await expect.poll(() => local.peers(), { timeout: 8_000 }).toEqual([remote.peerId]);
  } finally {
    await Promise.all([local.stop(), remote.stop()]);
  }
});

it('keeps one connection when two peers dial each other at once', async () => {
  const [a, b] = [await createLibp2p(), await createLibp2p()];
  await Promise.all([a.start(), b.start()]);
  try {
    await Promise.all([a.connect(b.peerId, b.listenAddrs()), b.connect(a.peerId, a.listenAddrs())]);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(a.peers()).toEqual([b.peerId]);
    expect(b.peers()).toEqual([a.peerId]);
  } finally {
    await Promise.all([a.stop(), b.stop()]);
  }
});

it('counts dials', async () => {
  const counts: Record<string, number> = {};
  const counter = ({ name }: { name: string }) => ({
    inc: () => {
      counts[name] = (counts[name] ?? 0) + 1;
    },
  });
  const init = { listenAddrs: ['/ip4/127.0.0.1/tcp/0'], maxPeers: 16, agentVersion: 'Codex' };
  const components = { metrics: { ...noMetrics, counter } };
  const local = await Libp2pNetwork.create({ ...init, privateKey: randomBytes(32) }, components);
  const remote = await createLibp2p();
  await Promise.all([local.start(), remote.start()]);
  try {
    const addrs = remote.listenAddrs();
    await local.connect(remote.peerId, addrs);
    await local.connect(remote.peerId, addrs);
    await expect(local.connect((await createLibp2p()).peerId, addrs)).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    expect(counts).toEqual({
      libp2p_total_dial_attempts: 2,
      libp2p_successful_dials: 1,
      libp2p_failed_dials: 1,
    });
  } finally {
    await Promise.all([local.stop(), remote.stop()]);
  }
});
