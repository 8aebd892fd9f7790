import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { open, readAll, startNode, type TestNode, upload } from './nodes.ts';

const running: TestNode[] = [];
const start: typeof startNode = async (init) => {
  const node = await startNode(init);
  running.push(node);
  return node;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

describe('between our nodes over libp2p', () => {
  it('fetches a manifest and the whole dataset', async () => {
    const [a, b] = [await start(), await start()];
    const file = await upload(a, randomBytes(5_000_000));
    await b.connect(a);
    const manifest = await b.exchange.fetchBlock(file.manifestCid);
    expect(Buffer.compare(manifest, (await a.repository.getBlock(file.manifestCid))!)).toBe(0);
    const dataset = await open(b, file);
    const held: number[] = [];
    await b.exchange.fetchDataset(dataset, { onProgress: (progress) => held.push(progress.held) });
    expect(held.at(-1)).toBe(77);
    expect(held).toEqual(held.toSorted((x, y) => x - y));
    expect(Buffer.compare(await readAll(dataset, 5_000_000), file.bytes)).toBe(0);
  });
});
