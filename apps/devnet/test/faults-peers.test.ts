import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Network, type NetworkNode, startNetwork } from '../src/index.ts';
import { HostilePeer } from './hostile-peer.ts';
import { ask } from './http.ts';
import { rssBytes } from './memory.ts';

/** What peers do wrong: real nodes, and liars in processes of their own that reach them over libp2p. */
const MIB = 1024 * 1024;
/** Above what a node has when it starts; a liar may not make it hold more. */
const GROWTH_MAX_BYTES = 160 * MIB;
/** Some sets of 2^29 leaves, at one bit each. */
const BITMAPS_MAX_BYTES = 400 * MIB;
let network: Network;
let ours: NetworkNode;
let honest: NetworkNode;
beforeAll(async () => {
  network = await startNetwork({ nodes: 2, connect: false });
  [ours, honest] = network.nodes as [NetworkNode, NetworkNode];
});
afterAll(() => network?.stop());
afterEach(async () => {
  for (const { cid } of await ours.rest.list()) await ours.rest.remove(cid);
});

const fetched = (cid: string, query = '') => ask(ours.url, { path: `/data/${cid}/network/stream${query}` });
const usedBytes = async () => JSON.parse((await ask(ours.url, { path: '/space' })).body.toString()).quotaUsedBytes;
/** A liar that our node is connected to. */
async function liar(): Promise<HostilePeer> {
  const peer = await HostilePeer.start();
  await ours.rest.connect(peer.peerId, peer.addrs);
  return peer;
}

/** A manifest of anything (01 §7), lengths and sizes as hex of varints. */
function manifest(blockSize: string, datasetSize: string): string {
  const tree = `01839a031220${createHash('sha256').update('a tree').digest('hex')}`;
  const header = `0a26${tree}10${blockSize}18${datasetSize}20829a0328123002`;
  return `0a${(header.length / 2).toString(16).padStart(2, '0')}${header}`;
}

const BLOCK_64K = '808004';

describe('a foreign manifest', () => {
  let peer: HostilePeer;
  beforeAll(async () => {
    peer = await liar();
  });
  afterAll(() => peer?.[Symbol.dispose]());

  it.each([
    ['block size 0', manifest('00', '8010')],
    ['size 0', manifest(BLOCK_64K, '00')],
    ['both 0', manifest('00', '00')],
    ['blocks of 4 GiB', manifest('8080808010', '8080808010')],
    ['2^63 bytes', manifest(BLOCK_64K, '80808080808080808001')],
    ['2^64 - 1 blocks of one byte', manifest('01', 'ffffffffffffffffff01')],
    ['fields without an end', '0aff'],
  ])('with %s: 404 at once, no fault of the peer, and nothing is kept', async (_, hex) => {
    const { cid } = await peer.do('manifest', { hex });
    const { status } = await fetched(cid as string, '?timeout=5');
    expect(status).toBe(404);
    expect((await peer.do('connected')).connected).toBe(true);
    expect(await usedBytes()).toBe(0);
  });

  it('that promises 32 TiB which nobody has: given up at the deadline, in bounded memory', async () => {
    const before = rssBytes(ours.pid);
    const { cid } = await peer.do('manifest', { hex: manifest(BLOCK_64K, '80808080808008') });
    const listed = JSON.parse((await ask(ours.url, { path: `/data/${cid}/network/manifest` })).body.toString());
    expect(listed.manifest.datasetSize).toBe(2 ** 45);
    expect([404, 422, 504]).toContain((await fetched(cid as string, '?timeout=0.5')).status);
    expect(rssBytes(ours.pid) - before).toBeLessThan(BITMAPS_MAX_BYTES);
    await ours.rest.remove(cid as string);
    expect(await usedBytes()).toBe(0);
  });
});

describe('a peer that answers', () => {
  /** A peer that lies about a file which an honest node may store later. */
  async function scene(lie: string) {
    const peer = await liar();
    const body = randomBytes(MIB + 17);
    const path = join(network.directory, 'file');
    writeFileSync(path, body);
    const { cid } = await peer.do('file', { path, lie });
    return { peer, body, cid: cid as string };
  }

  it.each([
    ['wrong bytes', 'bytes'],
    ['the proof of another index', 'proof'],
    ['another block with its own right proof', 'index'],
  ])('with %s: is dropped, nothing of it is kept, and an honest peer delivers', async (_, lie) => {
    const { peer, body, cid } = await scene(lie);
    using _peer = peer;
    const download = fetched(cid);
    await expect.poll(async () => (await peer.do('connected')).connected, { timeout: 10_000 }).toBe(false);
    // The manifest was right; of the blocks there is none.
    expect(await usedBytes()).toBeLessThan(1000);
    await ask(honest.url, { method: 'POST', path: '/data', body });
    await ours.connectTo(honest);
    expect((await download).body.equals(body)).toBe(true);
  });

  it('with an empty manifest: the search goes on, and an honest peer delivers', async () => {
    const { peer, body, cid } = await scene('manifest');
    using _peer = peer;
    const download = fetched(cid);
    await expect.poll(async () => (await peer.do('told')).told).toBe(1);
    await ask(honest.url, { method: 'POST', path: '/data', body });
    await ours.connectTo(honest);
    expect((await download).body.equals(body)).toBe(true);
  });

  it('with nothing at all: the request ends at its deadline, and an honest peer delivers the next', async () => {
    const { peer, body, cid } = await scene('nothing');
    using _peer = peer;
    const began = performance.now();
    expect([404, 504]).toContain((await fetched(cid, '?timeout=1')).status);
    expect(performance.now() - began).toBeLessThan(4_000);
    await ask(honest.url, { method: 'POST', path: '/data', body });
    await ours.connectTo(honest);
    expect((await fetched(cid)).body.equals(body)).toBe(true);
  });
});

describe('a peer that sends', () => {
  it.each([
    ['a 100 MiB length prefix', '80808032'],
    ['a truncated message', '050a03'],
    ['a length of more digits than numbers have', 'ffffffffffffffffffff7f'],
    ['fields that overrun their message', '040aff0102'],
  ])('%s again and again: is disconnected, and others are served', async (_, hex) => {
    using peer = await liar();
    const before = rssBytes(ours.pid);
    const isConnected = async () => {
      await peer.do('raw', { hex: hex + '00'.repeat(64) }).catch(() => {});
      return (await peer.do('connected')).connected;
    };
    await expect.poll(isConnected, { timeout: 10_000 }).toBe(false);
    expect(rssBytes(ours.pid) - before).toBeLessThan(GROWTH_MAX_BYTES);
    expect(await ours.rest.list()).toEqual([]);
  });
});
