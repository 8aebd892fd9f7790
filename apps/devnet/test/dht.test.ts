import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Network, type NetworkNode, startNetwork } from '../src/index.ts';
import { until } from './processes.ts';

const FILE_BYTES = 3 * 1024 * 1024 + 77;
let directory = '';
let network: Network;

/** A file that no other test case stores, and its SHA-256. */
function makeFile(name: string): { path: string; sha256: string } {
  const bytes = Buffer.alloc(FILE_BYTES);
  let block = createHash('sha256').update(name).digest();
  for (let at = 0; at < FILE_BYTES; at += block.length) {
    block = createHash('sha256').update(block).digest();
    block.copy(bytes, at);
  }
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return { path, sha256: createHash('sha256').update(bytes).digest('hex') };
}

const node = (number: number): NetworkNode => network.nodes[number - 1]!;
const others = async (of: NetworkNode) => (await of.knows()).length;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'devnet-dht-'));
  network = await startNetwork({ nodes: 5, directory: join(directory, 'network'), connect: false });
}, 120_000);
afterAll(async () => {
  await network?.stop();
  rmSync(directory, { recursive: true, force: true });
});

// The cases go on from each other: the network loses its nodes one by one.
describe('five nodes that were given one record', { timeout: 120_000 }, () => {
  it('know each other', async () => {
    await until(async () => (await Promise.all(network.nodes.map(others))).every((count) => count === 4));
  });

  it('find what another one stored, knowing the bootstrap node only', async () => {
    const { path, sha256 } = makeFile('first');
    const { cid } = await node(3).rest.upload(path, { name: 'first' });
    expect((await node(5).rest.download(cid)).sha256).toBe(sha256);
  });

  it('connect each other by peer id alone', async () => {
    await node(2).rest.connect(node(4).peerId, []);
    const nobody = '16Uiu2HAmLb6x8CmU6v6Mopiftir16SeBnhcat5dWwKCxbs3P8oRt';
    await expect(node(2).rest.connect(nobody, [])).rejects.toMatchObject({
      code: 'NODE_REFUSED',
      data: { status: 400 },
    });
  });

  it('still find each other when the bootstrap node was killed', async () => {
    await network.kill9(node(1));
    const { path, sha256 } = makeFile('second');
    const { cid } = await node(4).rest.upload(path, { name: 'second' });
    expect((await node(2).rest.download(cid)).sha256).toBe(sha256);
    expect((await node(5).rest.download(cid)).sha256).toBe(sha256);
  });

  it('come back without any bootstrap node, after a kill as well', async () => {
    const { udp, url } = { udp: (await node(5).rest.info()).table.localNode.address, url: node(5).url };
    await network.kill9(node(5));
    await network.restart(node(5), { bootstrap: false });
    expect([(await node(5).rest.info()).table.localNode.address, node(5).url]).toEqual([udp, url]);
    await network.joined();
    const { path, sha256 } = makeFile('third');
    const { cid } = await node(2).rest.upload(path, { name: 'third' });
    expect((await node(5).rest.download(cid)).sha256).toBe(sha256);
  });

  it('let the bootstrap node back in, which finds what was stored meanwhile', async () => {
    const { path, sha256 } = makeFile('fourth');
    const { cid } = await node(3).rest.upload(path, { name: 'fourth' });
    await network.restart(node(1), { bootstrap: false });
    await network.joined();
    expect((await node(1).rest.download(cid)).sha256).toBe(sha256);
  });
});
