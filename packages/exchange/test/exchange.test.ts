import { randomBytes } from 'node:crypto';
import { manifestCid, sha256 } from '@codex/content';
import { MemoryRepository } from '@codex/store';
import { afterEach, describe, expect, it } from 'vitest';
import { Exchange, type PeerFinder } from '../src/index.ts';
import { createNetwork, open, readAll, startNode, type TestNode, type Upload, upload } from './nodes.ts';

const running: TestNode[] = [];
const start: typeof startNode = async (init) => {
  const node = await startNode(init);
  running.push(node);
  return node;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

/** Puts leaves of an upload at `from` into `to`, without the network. */
async function give(from: TestNode, to: TestNode, file: Upload, start: number, count: number): Promise<void> {
  const [source, target] = [await open(from, file), await open(to, file)];
  await target.learn(await source.prove({ start, count }));
  for await (const batch of source.read({ start, count })) {
    await target.putLeaves(batch.start, batch.blocks);
    batch.release();
  }
}

for (const rangesProtocol of [true, false]) {
  const limits = { rangesProtocol, requestBytes: 256 * 1024 };
  describe(`between our nodes over libp2p, ${rangesProtocol ? 'ranges' : '1.0.0'}`, () => {
    it('fetches a manifest and the whole dataset', async () => {
      const [a, b] = [await start({ limits }), await start({ limits })];
      const file = await upload(a, randomBytes(5_000_000));
      await b.connect(a);
      const manifest = await b.exchange.fetchBlock(file.manifestCid);
      expect(Buffer.compare(manifest, (await a.repository.getBlock(file.manifestCid))!)).toBe(0);
      expect(await b.repository.hasBlock(file.manifestCid)).toBe(true);
      const dataset = await open(b, file);
      const held: number[] = [];
      await b.exchange.fetchDataset(dataset, { onProgress: (progress) => held.push(progress.held) });
      expect(held.at(-1)).toBe(77);
      expect(held).toEqual(held.toSorted((x, y) => x - y));
      expect(Buffer.compare(await readAll(dataset, 5_000_000), file.bytes)).toBe(0);
    });

    it('tells which leaves of a tree that is being fetched are offered', async () => {
      const [a, b, c] = [await start({ limits }), await start({ limits }), await start({ limits })];
      const file = await upload(a, randomBytes(40 * 65_536));
      await give(a, b, file, 8, 5);
      const dataset = await open(c, file);
      const offers = () => c.exchange.offers(dataset.ref.treeCid);
      await c.connect(b);
      expect(offers()).toBeUndefined();
      const fetch = c.exchange.fetchDataset(dataset);
      fetch.catch(() => {});
      await expect.poll(() => dataset.heldCount).toBe(5);
      expect([7, 8, 12, 13].map((leaf) => offers()?.has(leaf))).toEqual([false, true, true, false]);
      expect(offers()?.isAll).toBe(rangesProtocol);
      await c.connect(a);
      await fetch;
      expect(offers()).toBeUndefined();
    });

    it('fetches only the ranges that are asked for, and only what is missing', async () => {
      const [a, b] = [await start({ limits }), await start({ limits })];
      const file = await upload(a, randomBytes(40 * 65_536));
      await give(a, b, file, 8, 5);
      const dataset = await open(b, file);
      await b.connect(a);
      await b.exchange.fetchDataset(dataset, {
        ranges: [
          { start: 30, count: 3 },
          { start: 5, count: 10 },
        ],
      });
      expect([...dataset.held()]).toEqual([
        { start: 5, count: 10 },
        { start: 30, count: 3 },
      ]);
      await b.exchange.fetchDataset(dataset, { ranges: [{ start: 6, count: 2 }] });
      await b.exchange.fetchDataset(dataset);
      expect(Buffer.compare(await readAll(dataset, file.bytes.length), file.bytes)).toBe(0);
    });

    it('puts a dataset together from peers that hold parts, while they get more', async () => {
      const nodes = [
        await start({ limits }),
        await start({ limits }),
        await start({ limits }),
        await start({ limits }),
      ];
      const [origin, left, right, reader] = nodes as [TestNode, TestNode, TestNode, TestNode];
      const file = await upload(origin, randomBytes(60 * 65_536));
      await give(origin, left, file, 0, 33);
      await give(origin, right, file, 30, 20);
      await reader.connect(left);
      await reader.connect(right);
      const dataset = await open(reader, file);
      let done = false;
      const fetched = reader.exchange.fetchDataset(dataset).then(() => {
        done = true;
      });
      await expect.poll(() => dataset.heldCount, { timeout: 10_000 }).toBe(50);
      expect(done).toBe(false);
      await give(origin, left, file, 50, 10);
      await fetched;
      expect(Buffer.compare(await readAll(dataset, file.bytes.length), file.bytes)).toBe(0);
    });

    it('goes on with another peer when one leaves', async () => {
      const [a, b, reader] = [await start({ limits }), await start({ limits }), await start({ limits })];
      const bytes = randomBytes(200 * 65_536);
      const file = await upload(a, bytes);
      await upload(b, bytes);
      const dataset = await open(reader, file);
      await reader.connect(a);
      let second: Promise<void> | undefined;
      await reader.exchange.fetchDataset(dataset, {
        onProgress: ({ held }) => {
          if (held < 20 || second) return;
          second = reader.connect(b).then(() => reader.network.disconnect(a.network.peerId));
        },
      });
      await second;
      expect(Buffer.compare(await readAll(dataset, bytes.length), bytes)).toBe(0);
    });

    it('shares the work of concurrent fetches, and an aborted one does not disturb the other', async () => {
      const [a, b] = [await start({ limits }), await start({ limits })];
      const file = await upload(a, randomBytes(100 * 65_536));
      const dataset = await open(b, file);
      await b.connect(a);
      const abort = new AbortController();
      const first = b.exchange.fetchDataset(dataset, { signal: abort.signal });
      const second = b.exchange.fetchDataset(dataset);
      const part = b.exchange.fetchDataset(dataset, { ranges: [{ start: 90, count: 10 }] });
      abort.abort(new Error('enough'));
      await expect(first).rejects.toThrow('enough');
      await Promise.all([second, part]);
      expect(dataset.heldCount).toBe(100);
    });

    it('serves a block and a dataset that come later', async () => {
      const [a, b] = [await start({ limits }), await start({ limits })];
      const scratch = await start({ limits });
      const file = await upload(scratch, randomBytes(10 * 65_536));
      await b.connect(a);
      const dataset = await open(b, file);
      const manifest = b.exchange.fetchBlock(file.manifestCid);
      const blocks = b.exchange.fetchDataset(dataset);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await upload(a, file.bytes);
      await Promise.all([manifest, blocks]);
      expect(dataset.heldCount).toBe(10);
    });

    it('fails with BLOCK_NOT_FOUND when nobody has it, and keeps what it got', async () => {
      const short = { ...limits, findDeadlineMs: 600 };
      const [a, b] = [await start({ limits }), await start({ limits: short })];
      const file = await upload(a, randomBytes(10 * 65_536));
      const partial = await start({ limits });
      await give(a, partial, file, 0, 4);
      await b.connect(partial);
      const dataset = await open(b, file);
      await expect(b.exchange.fetchDataset(dataset)).rejects.toMatchObject({
        code: 'BLOCK_NOT_FOUND',
        data: { index: 4 },
      });
      expect(dataset.heldCount).toBe(4);
      const nobody = manifestCid(sha256(randomBytes(8)));
      await expect(b.exchange.fetchBlock(nobody)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
      await b.connect(a);
      await b.exchange.fetchDataset(dataset);
      expect(dataset.heldCount).toBe(10);
    });

    it('handles blocks of other sizes and zeros', async () => {
      const [a, b] = [await start({ limits }), await start({ limits })];
      await b.connect(a);
      for (const [blockSize, length] of [
        [1024, 100_000],
        [4096, 1],
        [131_072, 1_000_000],
      ] as const) {
        const file = await upload(a, length === 1 ? new Uint8Array(1) : randomBytes(length), blockSize);
        const dataset = await open(b, file);
        await b.exchange.fetchDataset(dataset);
        expect(Buffer.compare(await readAll(dataset, length), file.bytes)).toBe(0);
      }
    });
  });
}

describe('Exchange', () => {
  it('searches providers while nobody is known, and tells what it can serve', async () => {
    const a = await start();
    const file = await upload(a, randomBytes(3 * 65_536));
    const provided: string[] = [];
    let finds = 0;
    const finder: PeerFinder = {
      find: async () => {
        if (finds++ === 0) await b.connect(a);
      },
      provide: (cid) => provided.push(cid.toString()),
    };
    const b: TestNode = await start({ finder });
    await b.exchange.fetchBlock(file.manifestCid);
    expect(provided).toEqual([file.manifestCid.toString()]);
    await b.exchange.fetchDataset(await open(b, file));
    expect(provided).toEqual([file.manifestCid.toString(), file.manifest.treeCid.toString()]);
    expect(finds).toBe(1);
  });

  it('fetches first what a reader seeks', async () => {
    const limits = { requestBytes: 65_536, peerWindowMinBytes: 65_536, peerWindowMaxBytes: 131_072 };
    const [a, b] = [await start(), await start({ limits })];
    const file = await upload(a, randomBytes(200 * 65_536));
    const dataset = await open(b, file);
    await b.connect(a);
    const order: number[] = [];
    dataset.onHeld(({ start }) => {
      if (order.push(start) === 5) b.exchange.focus(file.manifest.treeCid, 150);
    });
    await b.exchange.fetchDataset(dataset, { ranges: [{ start: 0, count: 200 }] });
    expect(order.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
    const sought = order.indexOf(150);
    expect(sought).toBeLessThan(12);
    expect(order.slice(sought, sought + 10)).toEqual([150, 151, 152, 153, 154, 155, 156, 157, 158, 159]);
  });

  it('refuses ranges outside the dataset, and ends its fetches when it stops', async () => {
    const [a, b] = [await start(), await start()];
    const file = await upload(a, randomBytes(3 * 65_536));
    const dataset = await open(b, file);
    await expect(b.exchange.fetchDataset(dataset, { ranges: [{ start: 2, count: 2 }] })).rejects.toMatchObject({
      code: 'RANGE_INVALID',
    });
    const waiting = b.exchange.fetchDataset(dataset);
    const block = b.exchange.fetchBlock(file.manifestCid);
    b.exchange.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'EXCHANGE_STOPPED' });
    await expect(block).rejects.toMatchObject({ code: 'EXCHANGE_STOPPED' });
    await expect(b.exchange.fetchBlock(file.manifestCid)).rejects.toMatchObject({ code: 'EXCHANGE_STOPPED' });
  });
});

it('may be started before its network', async () => {
  const a = await start();
  const file = await upload(a, randomBytes(100_000));
  const network = await createNetwork();
  const repository = new MemoryRepository();
  const exchange = new Exchange({ network, repository });
  await exchange.start();
  await network.start();
  running.push({ network, repository, exchange, connect: async () => {}, stop: async () => network.stop() });
  await network.connect(a.network.peerId, a.network.listenAddrs());
  await exchange.fetchBlock(file.manifestCid);
  const dataset = await open({ repository }, file);
  await exchange.fetchDataset(dataset);
  expect(dataset.heldCount).toBe(2);
  exchange.stop();
});
