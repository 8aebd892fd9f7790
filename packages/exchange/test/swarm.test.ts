import type { Dataset } from '@codex/content';
import { MemoryRepository } from '@codex/store';
import { afterEach, describe, expect, it } from 'vitest';
import type { ExchangeInit } from '../src/index.ts';
import { open, readAll, type Upload, upload } from './nodes.ts';
import { altered, BLOCK, contentOf, copyLeaves, type SimulatedNode, SimulatedSwarm } from './swarm/simulated.ts';

const swarms: SimulatedSwarm[] = [];
afterEach(() => {
  for (const swarm of swarms.splice(0)) swarm.stop();
});

const LINK = { latencyMs: 5, bytesPerSecond: 4_000_000, bufferBytes: 128 * 1024 };
/** Limits for blocks of a quarter of the usual size: the same number of blocks, less to hash. */
const LIMITS: ExchangeInit = { peerWindowMinBytes: 8 * BLOCK, requestBytes: 16 * BLOCK, requestMinBytes: 4 * BLOCK };

interface Scene {
  readonly swarm: SimulatedSwarm;
  readonly seeder: SimulatedNode;
  readonly leeches: SimulatedNode[];
  readonly file: Upload;
  readonly datasets: Dataset[];
}

/** One node that has a file of `blocks` blocks, and others that want it, all connected. */
async function scene(init: {
  leeches: number;
  blocks: number;
  seed?: number;
  limits?: ExchangeInit;
  link?: Partial<typeof LINK>;
  limitsOf?: (node: number) => ExchangeInit;
}): Promise<Scene> {
  const swarm = new SimulatedSwarm({ link: { ...LINK, ...init.link }, seed: init.seed ?? 1 });
  swarms.push(swarm);
  for (let i = 0; i <= init.leeches; i++) {
    await swarm.add({ limits: { ...LIMITS, ...init.limits, ...init.limitsOf?.(i) } });
  }
  await swarm.connectAll();
  const [seeder, ...leeches] = swarm.nodes as [SimulatedNode, ...SimulatedNode[]];
  const file = await upload(seeder, contentOf(1, init.blocks), BLOCK);
  const datasets = await Promise.all(leeches.map((node) => open(node, file)));
  return { swarm, seeder, leeches, file, datasets };
}

const received = (nodes: readonly SimulatedNode[]) =>
  nodes.reduce((sum, { metrics }) => sum + metrics.get('blocks_received'), 0);
const duplicates = (nodes: readonly SimulatedNode[]) =>
  nodes.reduce((sum, { metrics }) => sum + metrics.get('duplicate_blocks_received'), 0);

describe('one seeder and eight that begin together', () => {
  const blocks = 768;
  for (const seed of [1, 2]) {
    it(`each uploads, the seeder sends less than two copies, hardly a block comes twice (seed ${seed})`, async () => {
      const { swarm, seeder, leeches, datasets, file } = await scene({ leeches: 8, blocks, seed });
      const ms = await swarm.timeOf(Promise.all(leeches.map(({ exchange }, i) => exchange.fetchDataset(datasets[i]!))));
      // The seeder's line carries one copy in 3.1 s; alone it would need 25 s for eight.
      const oneCopyMs = (blocks * BLOCK * 1000) / LINK.bytesPerSecond;
      expect(ms).toBeLessThan(1.8 * oneCopyMs);
      expect(seeder.metrics.get('blocks_sent')).toBeLessThan(1.8 * blocks);
      for (const { metrics } of leeches) expect(metrics.get('blocks_sent')).toBeGreaterThan(0.4 * blocks);
      expect(received(leeches)).toBeLessThan(1.02 * 8 * blocks);
      expect(duplicates(leeches)).toBe(received(leeches) - 8 * blocks);
      expect(Buffer.compare(await readAll(datasets[3]!, file.bytes.length), file.bytes)).toBe(0);
    });
  }

  it('readers in order share the load too, and each gets its front first', async () => {
    const { swarm, seeder, leeches, datasets } = await scene({ leeches: 8, blocks });
    const ranges = [{ start: 0, count: blocks }];
    const firstMs: number[] = [];
    const from = swarm.clock.now();
    datasets.forEach((dataset, i) => {
      dataset.onHeld(() => {
        if (firstMs[i] === undefined && dataset.has(0)) firstMs[i] = swarm.clock.now() - from;
      });
    });
    const ms = await swarm.timeOf(
      Promise.all(leeches.map(({ exchange }, i) => exchange.fetchDataset(datasets[i]!, { ranges }))),
    );
    expect(Math.max(...firstMs)).toBeLessThan(300);
    expect(ms).toBeLessThan(2.2 * ((blocks * BLOCK * 1000) / LINK.bytesPerSecond));
    expect(seeder.metrics.get('blocks_sent')).toBeLessThan(2.2 * blocks);
    expect(duplicates(leeches)).toBeLessThan(0.02 * 8 * blocks);
  });
});

describe('parts of a dataset', () => {
  it('comes whole from peers of which none is: each gives what only it has', async () => {
    const blocks = 384;
    const { swarm, seeder, leeches, datasets, file } = await scene({ leeches: 4, blocks });
    const source = await open(seeder, file);
    for (const i of [0, 1, 2]) await copyLeaves(source, datasets[i]!, i * 128, 128);
    await swarm.clock.advance(100);
    seeder.exchange.stop();
    await seeder.network.stop();
    const all = leeches.map(({ exchange }, i) => exchange.fetchDataset(datasets[i]!));
    await swarm.timeOf(Promise.all(all));
    expect(datasets.map(({ heldCount }) => heldCount)).toEqual([blocks, blocks, blocks, blocks]);
    for (const { metrics } of leeches.slice(0, 3)) expect(metrics.get('blocks_sent')).toBeGreaterThanOrEqual(128);
    expect(duplicates(leeches)).toBeLessThan(0.02 * 4 * blocks);
  });

  it('a late joiner with a part serves it at once', async () => {
    const blocks = 768;
    const { swarm, seeder, leeches, datasets, file } = await scene({ leeches: 2, blocks });
    const source = await open(seeder, file);
    const [early, late] = leeches as [SimulatedNode, SimulatedNode];
    await late.network.disconnect(early.network.peerId);
    await late.network.disconnect(seeder.network.peerId);
    await copyLeaves(source, datasets[1]!, 384, 384);
    const fetched = early.exchange.fetchDataset(datasets[0]!);
    await swarm.clock.advance(300);
    await swarm.connect(late, early);
    const ms = await swarm.timeOf(fetched);
    expect(late.metrics.get('blocks_sent')).toBeGreaterThan(blocks / 4);
    // The seeder alone takes 3.1 s.
    expect(ms).toBeLessThan(2_200);
  });

  it('after a restart only what is missing is fetched', async () => {
    const blocks = 256;
    const { swarm, leeches, datasets, file } = await scene({ leeches: 1, blocks });
    const [first] = leeches as [SimulatedNode];
    const fetched = first.exchange.fetchDataset(datasets[0]!);
    fetched.catch(() => {});
    while (datasets[0]!.heldCount < 100) await swarm.clock.advance(1);
    first.exchange.stop();
    await first.network.stop();
    await swarm.clock.advance(1000);
    const held = datasets[0]!.heldCount;
    expect(held).toBeLessThan(blocks);

    const again = await swarm.add({ repository: first.repository, limits: LIMITS });
    await swarm.connect(again, swarm.nodes[0]!);
    const dataset = await open(again, file);
    await swarm.timeOf(again.exchange.fetchDataset(dataset));
    expect(dataset.heldCount).toBe(blocks);
    expect(received([again])).toBe(blocks - held);
  });
});

describe('peers that fail', () => {
  it('what a leaving peer owed is asked of others', async () => {
    const blocks = 512;
    const { swarm, seeder, leeches, datasets } = await scene({ leeches: 5, blocks });
    const [leaver, ...stayers] = leeches as [SimulatedNode, ...SimulatedNode[]];
    const left = leaver.exchange.fetchDataset(datasets[0]!);
    left.catch(() => {});
    const all = Promise.all(stayers.map(({ exchange }, i) => exchange.fetchDataset(datasets[i + 1]!)));
    await swarm.clock.advance(800);
    expect(leaver.metrics.get('blocks_sent')).toBeGreaterThan(0);
    leaver.exchange.stop();
    await leaver.network.stop();
    const ms = 800 + (await swarm.timeOf(all));
    for (const dataset of datasets.slice(1)) expect(dataset.heldCount).toBe(blocks);
    expect(ms).toBeLessThan(2.2 * ((blocks * BLOCK * 1000) / LINK.bytesPerSecond));
    expect(seeder.metrics.get('blocks_sent')).toBeLessThan(2.2 * blocks);
  });

  it('the whole seeder may leave once every block is in the swarm', async () => {
    const blocks = 384;
    const { swarm, seeder, leeches, datasets } = await scene({ leeches: 4, blocks });
    const all = Promise.all(leeches.map(({ exchange }, i) => exchange.fetchDataset(datasets[i]!)));
    const spread = () => Array.from({ length: blocks }, (_, i) => datasets.some((dataset) => dataset.has(i)));
    while (spread().includes(false)) await swarm.clock.advance(10);
    expect(datasets.some(({ heldCount }) => heldCount === blocks)).toBe(false);
    seeder.exchange.stop();
    await seeder.network.stop();
    await swarm.timeOf(all);
    for (const dataset of datasets) expect(dataset.heldCount).toBe(blocks);
  });

  it('a peer that stalls costs little time and few blocks', async () => {
    const blocks = 512;
    const { swarm, leeches, datasets, file } = await scene({ leeches: 3, blocks });
    const [mute, ...others] = leeches as [SimulatedNode, ...SimulatedNode[]];
    // It has everything, says so, and answers nothing: reading a block never ends.
    const source = await open(swarm.nodes[0]!, file);
    await copyLeaves(source, datasets[0]!, 0, blocks);
    const never = () => new Promise<never>(() => {});
    const mutely = altered(datasets[0]!, {
      prove: never,
      read: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }) as ReturnType<Dataset['read']>,
    });
    mute.repository.findDataset = async () => mutely;
    const all = Promise.all(others.map(({ exchange }, i) => exchange.fetchDataset(datasets[i + 1]!)));
    const ms = await swarm.timeOf(all);
    expect(mute.metrics.get('blocks_sent')).toBe(0);
    // One window of its is asked of others after the patience of a second.
    expect(ms).toBeLessThan(1.6 * ((blocks * BLOCK * 1000) / LINK.bytesPerSecond) + 2_000);
    expect(duplicates(others)).toBeLessThan(0.02 * 2 * blocks);
  });

  it('a reader is not held up by one mute peer', async () => {
    const blocks = 256;
    const { swarm, leeches, datasets, file } = await scene({ leeches: 2, blocks });
    const [mute, reader] = leeches as [SimulatedNode, SimulatedNode];
    await copyLeaves(await open(swarm.nodes[0]!, file), datasets[0]!, 0, blocks);
    mute.repository.findDataset = () => new Promise(() => {});
    const fetched = reader.exchange.fetchDataset(datasets[1]!, { ranges: [{ start: 0, count: blocks }] });
    let front = 0;
    let longestMs = 0;
    let since = swarm.clock.now();
    datasets[1]!.onHeld(() => {
      const now = swarm.clock.now();
      const before = front;
      while (front < blocks && datasets[1]!.has(front)) front++;
      if (front > before) {
        longestMs = Math.max(longestMs, now - since);
        since = now;
      }
    });
    await swarm.timeOf(fetched);
    expect(front).toBe(blocks);
    // A second of patience, a tick, and the answer; a stalled peer is given up after ten only.
    expect(longestMs).toBeLessThan(2_500);
  });

  it('a peer with wrong blocks is dropped, and the swarm goes on', async () => {
    const blocks = 384;
    const { swarm, leeches, datasets, file } = await scene({ leeches: 4, blocks });
    const [liar, ...others] = leeches as [SimulatedNode, ...SimulatedNode[]];
    const scratch = new MemoryRepository();
    await upload({ repository: scratch }, file.bytes, BLOCK);
    const honest = await scratch.findDataset(file.manifest.treeCid);
    const lying = altered(honest!, {
      async *read(...args) {
        for await (const batch of honest!.read(...args)) {
          const blocks = batch.blocks.map((block) => block.map((byte) => byte ^ 1));
          yield { ...batch, release: () => batch.release(), blocks };
        }
      },
    });
    liar.repository.findDataset = async () => lying;
    await swarm.timeOf(Promise.all(others.map(({ exchange }, i) => exchange.fetchDataset(datasets[i + 1]!))));
    for (const { network } of others) expect(network.peers()).not.toContain(liar.network.peerId);
    for (const dataset of datasets.slice(1)) {
      expect(Buffer.compare(await readAll(dataset, file.bytes.length), file.bytes)).toBe(0);
    }
    // What was wrong is fetched again: at most a few windows.
    expect(received(others)).toBeLessThan(1.1 * 3 * blocks);
  });
});

describe('swarms of two protocols', () => {
  it('peers that speak only 1.0.0 give and take with ours', async () => {
    const blocks = 256;
    const { swarm, seeder, leeches, datasets, file } = await scene({
      leeches: 4,
      blocks,
      limitsOf: (node) => (node === 1 || node === 3 ? { rangesProtocol: false } : {}),
    });
    await swarm.timeOf(Promise.all(leeches.map(({ exchange }, i) => exchange.fetchDataset(datasets[i]!))));
    for (const dataset of datasets) {
      expect(Buffer.compare(await readAll(dataset, file.bytes.length), file.bytes)).toBe(0);
    }
    for (const { metrics } of leeches) expect(metrics.get('blocks_sent')).toBeGreaterThan(0);
    expect(seeder.metrics.get('blocks_sent')).toBeLessThan(3 * blocks);
    expect(received(leeches)).toBeLessThan(1.05 * 4 * blocks);
  });
});

describe('links', () => {
  it('50 ms and 100 Mbit/s: one download fills 85 % of the line', async () => {
    const blockSize = 65_536;
    const blocks = 1024;
    const swarm = new SimulatedSwarm({ link: { latencyMs: 25, bytesPerSecond: 12_500_000, bufferBytes: 2 ** 20 } });
    swarms.push(swarm);
    const [seeder, reader] = [await swarm.add(), await swarm.add()];
    await swarm.connectAll();
    const file = await upload(seeder, contentOf(2, blocks, blockSize), blockSize);
    const dataset = await open(reader, file);
    const ms = await swarm.timeOf(reader.exchange.fetchDataset(dataset));
    expect((blocks * blockSize * 1000) / ms).toBeGreaterThan(0.85 * 12_500_000);
  });

  it('loads several holders in proportion to their speed', async () => {
    const { swarm, seeder, leeches, datasets, file } = await scene({
      leeches: 3,
      blocks: 600,
      link: { bytesPerSecond: 2_000_000 },
    });
    const [reader, ...holders] = leeches as [SimulatedNode, ...SimulatedNode[]];
    const source = await open(seeder, file);
    for (const i of [1, 2]) await copyLeaves(source, datasets[i]!, 0, 600);
    const ms = await swarm.timeOf(reader.exchange.fetchDataset(datasets[0]!));
    // One holder alone would take 600 × 16 KiB / 2 MB/s ≈ 4.9 s.
    expect(ms).toBeLessThan(2_600);
    for (const node of [seeder, ...holders]) expect(node.metrics.get('blocks_sent')).toBeGreaterThan(120);
  });
});

it('runs its deadlines in virtual time', async () => {
  const swarm = new SimulatedSwarm({ link: { ...LINK, bytesPerSecond: 0 } });
  swarms.push(swarm);
  const [node] = [await swarm.add(), await swarm.add()];
  await swarm.connectAll();
  const scratch = new MemoryRepository();
  const file = await upload({ repository: scratch }, contentOf(3, 3), BLOCK);
  const dataset = await open(node, file);
  const fetched = node.exchange.fetchDataset(dataset);
  fetched.catch(() => {});
  await swarm.clock.advance(59_000);
  const state = await Promise.race([fetched.catch((error) => error.code), Promise.resolve('waiting')]);
  expect(state).toBe('waiting');
  await swarm.clock.advance(2_000);
  await expect(fetched).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
});
