import { randomBytes } from 'node:crypto';
import type { Dataset } from '@codex/content';
import { afterEach, describe, expect, it } from 'vitest';
import type { PeerStream } from '../src/index.ts';
import { RangesReader } from '../src/ranges/frames.ts';
import {
  type AskFrame,
  decodeAsk,
  encodeBlock,
  encodeFollow,
  encodeHaveAll,
  encodeHaveRuns,
  encodeMiss,
  encodeRange,
  encodeRequest,
  FRAME,
  RANGES_PROTOCOL,
  type RangeAnswer,
} from '../src/ranges/wire.ts';
import { createNetwork, open, readAll, startNode, type TestNode, type Upload, upload } from './nodes.ts';

const BLOCK = 65_536;
const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
});
const node = async (init: Parameters<typeof startNode>[0] = {}): Promise<TestNode> => {
  const started = await startNode(init);
  running.push(started);
  return started;
};

type Reply = (frame: AskFrame, stream: PeerStream, source: Dataset) => void | Promise<void>;

/** An honest node that holds a file, one that wants it, and a network on which `reply` answers requests. */
async function scene(reply: Reply, limits = {}) {
  const [honest, ours, hostile] = [await node(), await node({ limits }), await createNetwork()];
  running.push(hostile);
  const file: Upload = await upload(honest, randomBytes(48 * BLOCK));
  const source = await open(honest, file);
  await hostile.start();
  await hostile.handle(RANGES_PROTOCOL, (_, stream) => {
    const reader = new RangesReader((type, body) => {
      void Promise.resolve(reply(decodeAsk(type, body), stream, source)).catch(() => {});
      return undefined;
    });
    stream.receive({ onBytes: (bytes) => reader.push(bytes), onEnd: () => {} });
  });
  await ours.network.connect(hostile.peerId, hostile.listenAddrs());
  return { honest, ours, hostile, file, dataset: await open(ours, file) };
}

async function answerOf(source: Dataset, frame: Extract<AskFrame, { type: 3 }>): Promise<RangeAnswer> {
  const range = { start: frame.start, count: frame.count };
  const { digests, siblings } = await source.prove(range);
  const blocks: Uint8Array[] = [];
  for await (const batch of source.read(range)) blocks.push(...batch.blocks.map((block) => block.slice()));
  return { id: frame.id, start: frame.start, blocks, proof: frame.withDigests ? { digests, siblings } : undefined };
}

/** Says that it has everything, and answers requests with a changed range. */
const claiming =
  (change: (answer: RangeAnswer) => Uint8Array | undefined): Reply =>
  async (frame, stream, source) => {
    if (frame.type === FRAME.follow) stream.write(encodeHaveAll(frame.tree, source.ref.leafCount));
    if (frame.type !== FRAME.request) return;
    const bytes = change(await answerOf(source, frame));
    if (bytes) stream.write(bytes);
  };

const flip = (bytes: Uint8Array) => {
  const copy = bytes.slice();
  copy[copy.length - 1]! ^= 1;
  return copy;
};

describe('hostile answers over ranges', () => {
  const lies: Record<string, (answer: RangeAnswer) => Uint8Array | undefined> = {
    'wrong bytes': (answer) => encodeRange({ ...answer, blocks: answer.blocks.map(flip) }),
    'wrong sibling': ({ proof, ...answer }) =>
      encodeRange({ ...answer, proof: proof && { ...proof, siblings: proof.siblings.map(flip) } }),
    'wrong digests': ({ proof, ...answer }) =>
      encodeRange({ ...answer, proof: proof && { ...proof, digests: flip(proof.digests) } }),
    'too few siblings': ({ proof, ...answer }) =>
      encodeRange({ ...answer, proof: proof && { ...proof, siblings: [] } }),
    'no proof': ({ proof: _, ...answer }) => encodeRange(answer),
    'another range': (answer) => encodeRange({ ...answer, start: answer.start + 16 }),
    'fewer blocks': ({ blocks, proof, ...answer }) =>
      encodeRange({
        ...answer,
        blocks: blocks.slice(1),
        proof: proof && { ...proof, digests: proof.digests.slice(32) },
      }),
    'blocks above the size': ({ blocks, ...answer }) =>
      encodeRange({ ...answer, blocks: blocks.map(() => new Uint8Array(BLOCK + 1)) }),
    'an id that was not asked': (answer) => encodeRange({ ...answer, id: answer.id + 1000 }),
    'a block that was not asked': () => encodeBlock(77, new Uint8Array(10)),
    'a frame of 1 GiB': () => new Uint8Array([0, 0, 0, 64, 0x84]),
    'an unknown frame': () => new Uint8Array([1, 0, 0, 0, 0x99]),
  };
  for (const [name, lie] of Object.entries(lies)) {
    it(`${name}: dropped, nothing stored, the honest peer delivers`, async () => {
      const { ours, hostile, honest, file, dataset } = await scene(claiming(lie), {
        malformedMax: 1,
        wrongBlocksMax: 1,
      });
      const fetched = ours.exchange.fetchDataset(dataset);
      await expect.poll(() => ours.network.peers(), { timeout: 8_000 }).not.toContain(hostile.peerId);
      expect(dataset.heldCount).toBe(0);
      await ours.connect(honest);
      await fetched;
      expect(Buffer.compare(await readAll(dataset, file.bytes.length), file.bytes)).toBe(0);
    });
  }

  it('claims out of range or of another tree are ignored', async () => {
    const { ours, hostile, honest, dataset } = await scene((frame, stream) => {
      if (frame.type !== FRAME.follow) return;
      stream.write(encodeHaveAll(frame.tree, 47));
      stream.write(encodeHaveAll(frame.tree + 1, 48));
      stream.write(
        encodeHaveRuns(frame.tree, [
          { start: 48, count: 1 },
          { start: 4_000_000_000, count: 4_000_000_000 },
        ]),
      );
    });
    await ours.connect(honest);
    await ours.exchange.fetchDataset(dataset);
    expect(ours.network.peers()).toContain(hostile.peerId);
  });

  it('a peer that says MISS to all it claimed is not asked again and again', async () => {
    let asked = 0;
    const { ours, honest, dataset } = await scene((frame, stream, source) => {
      if (frame.type === FRAME.follow) stream.write(encodeHaveAll(frame.tree, source.ref.leafCount));
      if (frame.type !== FRAME.request) return;
      asked += frame.count;
      stream.write(encodeMiss(frame.id, 0));
    });
    const fetched = ours.exchange.fetchDataset(dataset);
    await expect.poll(() => asked).toBe(48);
    await ours.connect(honest);
    await fetched;
    expect(asked).toBe(48);
  });

  it('silence: its work goes to others, and it is dropped in the end', async () => {
    const limits = { stallMs: 200, peerTimeoutMs: 600 };
    const { ours, hostile, honest, dataset } = await scene(
      claiming(() => undefined),
      limits,
    );
    const fetched = ours.exchange.fetchDataset(dataset);
    await ours.connect(honest);
    await fetched;
    const again = ours.exchange.fetchDataset(await open(ours, await upload(honest, randomBytes(BLOCK))));
    await again;
    const lonely = await scene(
      claiming(() => undefined),
      { ...limits, findDeadlineMs: 1_500 },
    );
    await expect(lonely.ours.exchange.fetchDataset(lonely.dataset)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
    expect(lonely.ours.network.peers()).toEqual([]);
    void hostile;
  });

  it('bytes that trickle do not hold a request for ever', async () => {
    const limits = { stallMs: 60_000, requestTimeoutMs: 500, endgameMs: 60_000 };
    const trickle: Reply = (frame, stream, source) => {
      if (frame.type === FRAME.follow) stream.write(encodeHaveAll(frame.tree, source.ref.leafCount));
      if (frame.type === FRAME.request) stream.write(new Uint8Array([200]));
    };
    const { ours, honest, dataset } = await scene(trickle, limits);
    const fetched = ours.exchange.fetchDataset(dataset);
    await ours.connect(honest);
    await fetched;
    expect(dataset.heldCount).toBe(48);
  });
});

describe('hostile questions over ranges', () => {
  const ask = async (limits = {}) => {
    const [ours, hostile] = [await node({ limits: { malformedMax: 1, ...limits } }), await createNetwork()];
    running.push(hostile);
    const file = await upload(ours, randomBytes(64 * BLOCK));
    await hostile.start();
    await hostile.connect(ours.network.peerId, ours.network.listenAddrs());
    return { ours, hostile, file, stream: await hostile.openStream(ours.network.peerId, [RANGES_PROTOCOL]) };
  };
  const dropped = (ours: TestNode, hostile: { peerId: string }) =>
    expect.poll(() => ours.network.peers(), { timeout: 8_000 }).not.toContain(hostile.peerId);

  it('more follows than the limit, or malformed frames: dropped', async () => {
    const { ours, hostile, stream, file } = await ask({ followsMax: 10 });
    stream.receive({ onBytes: () => {}, onEnd: () => {} });
    for (let i = 0; i < 11; i++) stream.write(encodeFollow(i, file.manifest.treeCid.bytes));
    await dropped(ours, hostile);
    const second = await ask();
    second.stream.receive({ onBytes: () => {}, onEnd: () => {} });
    second.stream.write(encodeFollow(1, new Uint8Array([1, 2, 3])));
    await dropped(second.ours, second.hostile);
  });

  it('a reader that is slow costs the memory of a few answers, and others are served', async () => {
    const { ours, stream, file } = await ask();
    const dataset = await open(ours, file);
    let reads = 0;
    const read = dataset.read.bind(dataset);
    Object.assign(dataset, {
      read: (...args: Parameters<Dataset['read']>) => {
        reads++;
        return read(...args);
      },
    });
    stream.receive({ onBytes: () => {}, onEnd: () => {} });
    stream.pause();
    stream.write(encodeFollow(1, file.manifest.treeCid.bytes));
    for (let id = 0; id < 200; id++)
      stream.write(encodeRequest({ id, tree: 1, start: 0, count: 32, withDigests: true }));
    const reader = await node();
    await reader.connect(ours);
    const copy = await open(reader, file);
    await reader.exchange.fetchDataset(copy);
    expect(copy.heldCount).toBe(64);
    // 4 of them are of the honest reader; a window of 4 MiB takes some more than one answer of 2 MiB.
    expect(reads).toBeLessThan(20);
    stream.resume();
    await expect.poll(() => reads, { timeout: 8_000 }).toBeGreaterThan(100);
  });
});
