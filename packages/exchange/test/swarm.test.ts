import { randomBytes } from 'node:crypto';
import type { Dataset } from '@codex/content';
import type { Counter, MetricsRegistry } from '@codex/runtime';
import { seededRandom, VirtualClock } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { expect, it } from 'vitest';
import { Exchange, type ExchangeInit, MemoryHub, MemoryNetwork } from '../src/index.ts';
import { open, upload } from './nodes.ts';

const BLOCK = 16_384;

class Counts implements MetricsRegistry {
  readonly values = new Map<string, number>();
  counter({ name }: { name: string }): Counter {
    return { inc: (by = 1) => this.values.set(name, (this.values.get(name) ?? 0) + by) };
  }
  gauge(): ReturnType<MetricsRegistry['gauge']> {
    return { set: () => {}, inc: () => {} };
  }
  histogram(): ReturnType<MetricsRegistry['histogram']> {
    return { observe: () => {} };
  }
  get(name: string): number {
    return this.values.get(`codex_block_exchange_${name}`) ?? 0;
  }
}

/** Nodes on one hub in virtual time, each connected to all. */
async function swarm(size: number, link: { latencyMs: number; bytesPerSecond: number }, init: ExchangeInit = {}) {
  const clock = new VirtualClock();
  const hub = new MemoryHub({ clock }, link);
  const nodes = [];
  for (let i = 0; i < size; i++) {
    const network = new MemoryNetwork({ hub }, { peerId: `peer-${i}` });
    const repository = new MemoryRepository({ clock });
    const metrics = new Counts();
    const exchange = new Exchange(
      { network, repository, clock, random: seededRandom(i), metrics },
      { requestBytes: 4 * BLOCK, ...init },
    );
    network.start();
    await exchange.start();
    nodes.push({ network, repository, exchange, metrics });
  }
  for (const [i, node] of nodes.entries()) {
    for (const other of nodes.slice(0, i)) {
      const connected = node.network.connect(other.network.peerId, other.network.listenAddrs());
      await clock.advance(2 * link.latencyMs + 1);
      await connected;
    }
  }
  return { clock, nodes };
}

/** Virtual ms until the promise settles. */
async function timeOf(clock: VirtualClock, work: Promise<unknown>, limitMs = 120_000): Promise<number> {
  const from = clock.now();
  let done = false;
  const settled = work.finally(() => {
    done = true;
  });
  settled.catch(() => {});
  while (!done && clock.now() - from < limitMs) await clock.advance(1);
  await settled;
  return clock.now() - from;
}

it('leeches serve each other: the origin sends little more than one copy', async () => {
  const leeches = 5;
  const limits = { peerWindowMinBytes: 8 * BLOCK, peerWindowMs: 50 };
  const { clock, nodes } = await swarm(1 + leeches, { latencyMs: 5, bytesPerSecond: 4_000_000 }, limits);
  const [origin, ...others] = nodes;
  const file = await upload(origin!, randomBytes(400 * BLOCK), BLOCK);
  const datasets: Dataset[] = [];
  for (const node of others) datasets.push(await open(node, file));
  const ms = await timeOf(clock, Promise.all(others.map((node, i) => node.exchange.fetchDataset(datasets[i]!))));
  for (const dataset of datasets) expect(dataset.heldCount).toBe(400);
  const sent = origin!.metrics.get('blocks_sent');
  expect(sent).toBeGreaterThanOrEqual(400);
  expect(sent).toBeLessThan(0.5 * leeches * 400);
  // The origin alone would need 5 × 400 × 16 KiB / 4 MB/s ≈ 8.2 s.
  expect(ms).toBeLessThan(4_500);
  // Nothing is fetched twice outside the end-game.
  const received = others.reduce((sum, node) => sum + node.metrics.get('blocks_received'), 0);
  expect(received).toBeLessThan(1.1 * leeches * 400);
  for (const { exchange } of nodes) exchange.stop();
});

it('loads several holders in proportion to their speed', async () => {
  const { clock, nodes } = await swarm(
    4,
    { latencyMs: 5, bytesPerSecond: 2_000_000 },
    { peerWindowMinBytes: 16 * BLOCK },
  );
  const [reader, ...holders] = nodes;
  const bytes = randomBytes(600 * BLOCK);
  const files = [];
  for (const node of holders) files.push(await upload(node, bytes, BLOCK));
  const dataset = await open(reader!, files[0]!);
  const ms = await timeOf(clock, reader!.exchange.fetchDataset(dataset));
  // One holder alone would take 600 × 16 KiB / 2 MB/s ≈ 4.9 s.
  expect(ms).toBeLessThan(2_600);
  for (const node of holders) expect(node.metrics.get('blocks_sent')).toBeGreaterThan(120);
  for (const { exchange } of nodes) exchange.stop();
});

it('runs its deadlines in virtual time', async () => {
  const { clock, nodes } = await swarm(2, { latencyMs: 5, bytesPerSecond: 0 });
  const scratch = new MemoryRepository();
  const file = await upload({ repository: scratch }, randomBytes(3 * BLOCK), BLOCK);
  const dataset = await open(nodes[0]!, file);
  const fetched = nodes[0]!.exchange.fetchDataset(dataset);
  fetched.catch(() => {});
  await clock.advance(59_000);
  const state = await Promise.race([fetched.catch((error) => error.code), Promise.resolve('waiting')]);
  expect(state).toBe('waiting');
  await clock.advance(2_000);
  await expect(fetched).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
  for (const { exchange } of nodes) exchange.stop();
});
