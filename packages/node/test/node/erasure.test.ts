import { datasetRef, decodeManifest, type ManifestCid, originalManifest, parseCid } from '@codex/content';
import { afterEach, describe, expect, it } from 'vitest';
import { CodexNode } from '../../src/index.ts';
import { pattern, testConfig } from './fixture.ts';

const running: CodexNode[] = [];

async function startNode(...options: string[]): Promise<CodexNode> {
  const node = await CodexNode.create(await testConfig(...options), { discovery: false });
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

const ask = (node: CodexNode, method: string, path: string, body?: string | Uint8Array<ArrayBuffer>) =>
  fetch(`${node.apiUrl}/api/codex/v1${path}`, { method, ...(body !== undefined && { body }) });

async function download(node: CodexNode, path: string): Promise<Buffer> {
  const response = await ask(node, 'GET', path);
  expect(response.status, path).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

const connect = (node: CodexNode, other: CodexNode) => node.network.connect(other.peerId, other.network.listenAddrs());

/** A dataset as a node has it: created when it has none of it. */
async function datasetAt(node: CodexNode, cid: string) {
  const manifest = decodeManifest(await node.exchange.fetchBlock(parseCid(cid) as ManifestCid));
  const dataset = await node.repository.openDataset(datasetRef(manifest));
  return { manifest, dataset };
}

const DATA = 4;
const PARITY = 2;

describe('nodes with disks and sockets', () => {
  it('pass on a protected file of which M rows are lost, and repair it', async () => {
    const bytes = pattern(3_000_000, 5);
    const alice = await startNode();
    const plain = await (await ask(alice, 'POST', '/data', Uint8Array.from(bytes))).text();
    const body = JSON.stringify({ data: DATA, parity: PARITY });
    const { cid } = (await (await ask(alice, 'POST', `/data/${plain}/protect`, body)).json()) as { cid: string };
    expect((await download(alice, `/data/${cid}`)).equals(bytes)).toBe(true);

    // Bob has all rows but the first and the third; nobody else has anything any more.
    const bob = await startNode();
    await connect(bob, alice);
    const { dataset, manifest } = await datasetAt(bob, cid);
    const { leafCount } = dataset.ref;
    const steps = leafCount / (DATA + PARITY);
    const kept = [1, 3, 4, 5].map((row) => ({ start: row * steps, count: steps }));
    await bob.exchange.fetchDataset(dataset, { ranges: kept });
    await dataset.flush();
    await stop(alice);
    expect(dataset.heldCount).toBe(DATA * steps);

    const carol = await startNode();
    await connect(carol, bob);
    expect((await download(carol, `/data/${cid}/network/stream`)).equals(bytes)).toBe(true);
    // What was restored is proved by the root of the file.
    const original = await carol.repository.findDataset(originalManifest(manifest).treeCid);
    expect(original?.heldCount).toBe(Math.ceil(bytes.length / 65_536));
    await stop(carol);

    // Bob needs nobody: his download restores, and a repair brings the rows back.
    expect((await download(bob, `/data/${cid}`)).equals(bytes)).toBe(true);
    expect((await ask(bob, 'POST', `/data/${cid}/repair`)).status).toBe(200);
    expect(dataset.heldCount).toBe(leafCount);
    const dave = await startNode();
    await connect(dave, bob);
    const there = await datasetAt(dave, cid);
    await dave.exchange.fetchDataset(there.dataset);
    expect((await download(dave, `/data/${cid}`)).equals(bytes)).toBe(true);
  }, 60_000);

  it('go on restoring after a restart, and say when too much is lost', async () => {
    const bytes = pattern(2_000_000, 6);
    const alice = await startNode();
    const plain = await (await ask(alice, 'POST', '/data', Uint8Array.from(bytes))).text();
    const body = JSON.stringify({ data: DATA, parity: PARITY });
    const { cid } = (await (await ask(alice, 'POST', `/data/${plain}/protect`, body)).json()) as { cid: string };
    const bob = await startNode('--fetch-timeout=3');
    await connect(bob, alice);
    const { dataset } = await datasetAt(bob, cid);
    const steps = dataset.ref.leafCount / (DATA + PARITY);
    const ranges = [0, 4, 5].map((row) => ({ start: row * steps, count: steps }));
    await bob.exchange.fetchDataset(dataset, { ranges });
    // One row too few.
    expect((await ask(bob, 'GET', `/data/${cid}`)).status).toBe(404);
    // With Alice there is enough.
    expect((await ask(bob, 'POST', `/data/${cid}/repair`)).status).toBe(200);
    await stop(alice);
    const { config } = bob;
    await stop(bob);
    const again = await CodexNode.create(config, { discovery: false });
    running.push(again);
    await again.start();
    expect((await download(again, `/data/${cid}`)).equals(bytes)).toBe(true);
    expect((await datasetAt(again, cid)).dataset.heldCount).toBe(dataset.ref.leafCount);
  }, 60_000);

  it('stop while they protect a file, and go on afterwards', async () => {
    const bytes = pattern(40_000_000, 7);
    const alice = await startNode();
    const plain = await (await ask(alice, 'POST', '/data', Uint8Array.from(bytes))).text();
    const body = JSON.stringify({ data: DATA, parity: PARITY });
    const headers = { accept: 'application/x-ndjson' };
    const url = `${alice.apiUrl}/api/codex/v1/data/${plain}/protect`;
    const response = await fetch(url, { method: 'POST', headers, body });
    // It has begun, because there is a line already.
    expect(response.status).toBe(200);
    const cut = response.text().catch(() => 'cut');
    const { config } = alice;
    await stop(alice);
    await cut;
    const again = await CodexNode.create(config, { discovery: false });
    running.push(again);
    await again.start();
    const { cid } = (await (await ask(again, 'POST', `/data/${plain}/protect`, body)).json()) as { cid: string };
    expect((await download(again, `/data/${cid}`)).equals(bytes)).toBe(true);
  }, 60_000);
});
