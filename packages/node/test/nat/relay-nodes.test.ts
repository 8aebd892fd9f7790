import { afterEach, expect, it } from 'vitest';
import { CodexNode } from '../../src/index.ts';
import { pattern, testConfig } from '../node/fixture.ts';

const running: CodexNode[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

async function start(...options: string[]): Promise<CodexNode> {
  const node = await CodexNode.create(await testConfig(...options));
  running.push(node);
  await node.start();
  return node;
}

it('a node behind a relay serves those that connect to its relayed address', async () => {
  const relay = await start('--relay-server');
  const hidden = await start(`--relay=${relay.network.listenAddrs()[0]}/p2p/${relay.peerId}`);
  const place = () => hidden.network.listenAddrs().find((address) => address.includes('/p2p-circuit'));
  await expect.poll(place, { timeout: 5_000 }).toBeDefined();

  const visitor = await start('--relay-client');
  const addrs = encodeURIComponent(`${place()}/p2p/${hidden.peerId}`);
  const connected = await fetch(`${visitor.apiUrl}/api/codex/v1/connect/${hidden.peerId}?addrs=${addrs}`);
  expect([connected.status, await connected.text()]).toEqual([200, 'Successfully connected to peer']);

  const bytes = pattern(500_000, 7);
  const uploaded = await fetch(`${hidden.apiUrl}/api/codex/v1/data`, { method: 'POST', body: Buffer.from(bytes) });
  const cid = await uploaded.text();
  const streamed = await fetch(`${visitor.apiUrl}/api/codex/v1/data/${cid}/network/stream`);
  expect(Buffer.from(await streamed.arrayBuffer()).equals(bytes)).toBe(true);
  expect(visitor.network.peers().toSorted()).toEqual([hidden.peerId, relay.peerId].toSorted());

  const shown = await fetch(`${hidden.apiUrl}/api/codex/v1/debug/info`);
  const debug = (await shown.json()) as { announceAddresses: string[] };
  expect(debug.announceAddresses).toEqual(hidden.network.listenAddrs().filter((address) => address !== place()));
});
