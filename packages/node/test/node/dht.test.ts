import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CodexNode, type NodeConfig, type NodeOverrides } from '../../src/index.ts';
import { pattern, testConfig } from './fixture.ts';

const running: CodexNode[] = [];

async function startNode(config: NodeConfig, overrides: NodeOverrides = {}): Promise<CodexNode> {
  const node = await CodexNode.create(config, overrides);
  running.push(node);
  await node.start();
  return node;
}

const stop = async (node: CodexNode) => {
  running.splice(running.indexOf(node), 1);
  await node.stop();
};

afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

const through = (node: CodexNode) => `--bootstrap-node=${node.spr}`;
const ask = async (node: CodexNode, path: string, init: RequestInit = {}) => {
  const response = await fetch(`${node.apiUrl}/api/codex/v1${path}`, init);
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
};
const upload = async (node: CodexNode, bytes: Uint8Array) =>
  (await ask(node, '/data', { method: 'POST', body: Buffer.from(bytes) })).bytes.toString();
const download = async (node: CodexNode, cid: string) => {
  const { status, bytes } = await ask(node, `/data/${cid}/network/stream`);
  expect(status).toBe(200);
  return bytes;
};
const knows = (node: CodexNode) => node.discovery!.table().filter(({ seen }) => seen).length;
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 30_000, interval: 20 });

// On a busy machine requests of the DHT time out and are tried again.
describe('nodes with a DHT', { timeout: 90_000 }, () => {
  it('find through a third one what they have never been told of', async () => {
    const first = await startNode(await testConfig());
    const alice = await startNode(await testConfig(through(first)));
    const bob = await startNode(await testConfig(through(first)));
    await eventually(() => Math.min(...[first, alice, bob].map(knows))).toBeGreaterThanOrEqual(1);
    expect([first, alice, bob].flatMap((node) => node.network.peers())).toEqual([]);
    const bytes = pattern(1_000_000, 5);
    const cid = await upload(alice, bytes);
    expect((await download(bob, cid)).equals(bytes)).toBe(true);
    expect(bob.network.peers()).toEqual([alice.peerId]);
    // Bob provides it now, so it can be found without Alice.
    const told = () => readMetric(bob, 'codex_announcements_total{result="told"}');
    await eventually(told).toBeGreaterThanOrEqual(2);
    await stop(alice);
    expect((await download(first, cid)).equals(bytes)).toBe(true);
  });

  it('connect by peer id alone, and show what they know of each other', async () => {
    const first = await startNode(await testConfig());
    const alice = await startNode(await testConfig(through(first)));
    const bob = await startNode(await testConfig(through(first)));
    await eventually(() => Math.min(knows(alice), knows(bob))).toBeGreaterThanOrEqual(1);
    const { status, bytes } = await ask(bob, `/debug/peer/${alice.peerId}`);
    expect(status).toBe(200);
    const udp = alice.discovery!.local!.port;
    expect(JSON.parse(bytes.toString())).toMatchObject({
      peerId: alice.peerId,
      addresses: [`/ip4/127.0.0.1/udp/${udp}`, ...alice.network.listenAddrs()],
    });
    expect((await ask(bob, `/connect/${alice.peerId}`)).bytes.toString()).toBe('Successfully connected to peer');
    expect(bob.network.peers()).toContain(alice.peerId);
    const nobody = '16Uiu2HAmLb6x8CmU6v6Mopiftir16SeBnhcat5dWwKCxbs3P8oRt';
    const unknown = await ask(bob, `/connect/${nobody}`);
    expect([unknown.status, unknown.bytes.toString()]).toEqual([400, 'Unable to find Peer!']);
    const info = JSON.parse((await ask(bob, '/debug/info')).bytes.toString());
    expect(info.table.localNode).toMatchObject({ peerId: bob.peerId, record: expect.stringContaining(bob.peerId) });
    expect(info.table.nodes.map(({ peerId }: { peerId: string }) => peerId)).toContain(first.peerId);
    expect(info.spr).toBe(bob.spr);
  });

  it('come back without a bootstrap node, from what they kept', async () => {
    const first = await startNode(await testConfig());
    const alice = await startNode(await testConfig(through(first)));
    const config = await testConfig(through(first));
    const bob = await startNode(config);
    await eventually(() => Math.min(knows(alice), knows(bob))).toBeGreaterThanOrEqual(2);
    const bytes = pattern(500_000, 7);
    const cid = await upload(alice, bytes);
    await stop(bob);
    await stop(first);
    const again = await startNode({ ...config, bootstrapNode: [] });
    await eventually(() => knows(again)).toBeGreaterThanOrEqual(1);
    expect((await download(again, cid)).equals(bytes)).toBe(true);
  });

  it('skip bootstrap records that are damaged', async () => {
    const first = await startNode(await testConfig());
    const damaged = `${first.spr!.slice(0, -6)}AAAAAA`;
    const node = await startNode(
      await testConfig(`--bootstrap-node=${damaged}`, '--bootstrap-node=spr:AAAA', through(first)),
    );
    await eventually(() => knows(node)).toBe(1);
  });

  it('do without what they kept when it is damaged', async () => {
    const first = await startNode(await testConfig());
    for (const damage of [
      (path: string) => writeFile(path, 'no directory'),
      async (path: string) => {
        await mkdir(path);
        await writeFile(join(path, 'data.mdb'), pattern(50_000, 3));
      },
    ]) {
      const config = await testConfig(through(first));
      await mkdir(config.dataDir, { mode: 0o700 });
      await damage(join(config.dataDir, 'dht'));
      const node = await startNode(config);
      await eventually(() => knows(node)).toBeGreaterThanOrEqual(1);
      await stop(node);
    }
  });

  it('say which option chooses the port that is taken', async () => {
    const other = createSocket('udp4').bind(0, '127.0.0.1');
    await once(other, 'listening');
    const config = await testConfig();
    const node = await CodexNode.create({ ...config, discPort: other.address().port });
    await expect(node.start()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringMatching(/the port is taken; choose another with --disc-port/),
    });
    other.close();
    // Everything is free again.
    await startNode(config);
  });

  it('bind the UDP socket where they listen for peers', async () => {
    const node = await startNode(await testConfig());
    expect(node.discovery!.local!.ip).toBe('127.0.0.1');
  });
});

it('a node without a DHT has the record of its TCP addresses, and refuses to look for peers', async () => {
  const node = await startNode(await testConfig(), { discovery: false });
  expect(node.discovery).toBeUndefined();
  const info = JSON.parse((await ask(node, '/debug/info')).bytes.toString());
  expect(info.table).toMatchObject({ localNode: { nodeId: '', address: null }, nodes: [] });
  expect(info.spr).toMatch(/^spr:/);
  expect((await ask(node, `/debug/peer/${node.peerId}`)).status).toBe(404);
});

async function readMetric(node: CodexNode, sample: string): Promise<number> {
  const line = (await node.metrics.text()).split('\n').find((text) => text.startsWith(sample));
  return Number(line?.split(' ').at(-1) ?? 0);
}
