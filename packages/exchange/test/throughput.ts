/**
 * Measures, by hand: `node packages/exchange/test/throughput.ts [MiB] [ranges,1.0.0] [memory|disk]`. Two processes on loopback: a raw libp2p stream
 * (noise, yamux) that is only counted, then the exchange, which hashes and stores every block in a repository in memory or on disk.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCompute, SharedSlabPool } from '@codex/compute';
import type { Repository, TreeCid } from '@codex/content';
import { parseCid } from '@codex/content';
import { DiskRepository, MemoryRepository } from '@codex/store';
import type { PeerStream } from '../src/index.ts';
import { createNetwork, startNode, upload } from './nodes.ts';

const MiB = 2 ** 20;
const RAW = '/test/raw/1.0.0';
const megabytes = Number(process.argv[2] ?? 256);
const total = megabytes * MiB;
const protocols = (process.argv[3] ?? 'ranges,1.0.0').split(',');
const kind = process.argv[4] ?? 'memory';
const ROUNDS = 5;

async function createRepository(): Promise<{ repository: Repository; close(): Promise<void> }> {
  if (kind === 'memory') return { repository: new MemoryRepository(), close: async () => {} };
  const path = await mkdtemp(join(tmpdir(), 'exchange-'));
  const compute = createCompute();
  await compute.start();
  const components = { compute, slabs: new SharedSlabPool() };
  const repository = await DiskRepository.open(components, { path: join(path, 'repo'), quotaBytes: 1e12 });
  const close = async () => {
    await repository.stop();
    await compute.stop();
    await rm(path, { recursive: true });
  };
  return { repository, close };
}

async function pour(stream: PeerStream): Promise<void> {
  const piece = randomBytes(MiB);
  for (let sent = 0; sent < total; sent += piece.length) if (!stream.write(piece)) await stream.drained();
  await stream.close();
}

async function serve(): Promise<void> {
  const { repository, close } = await createRepository();
  const node = await startNode({ repository });
  await node.network.handle(RAW, (_, stream) => {
    stream.receive({ onBytes: () => {}, onEnd: () => {} });
    void pour(stream);
  });
  const file = await upload(node, randomBytes(total));
  process.send?.({
    peer: node.network.peerId,
    addrs: node.network.listenAddrs(),
    treeCid: file.manifest.treeCid.toString(),
  });
  process.on('disconnect', () => void close().finally(() => process.exit(0)));
}

interface Served {
  readonly peer: string;
  readonly addrs: string[];
  readonly treeCid: string;
}

/** MB/s, and the receiver's CPU seconds per GB: a figure that a busy machine disturbs less. */
interface Figures {
  readonly rate: number;
  readonly cpu: number;
}

function stopwatch(): () => Figures {
  const started = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { rate: total / 1e3 / (performance.now() - started), cpu: (user + system) / (total / 1e3) };
  };
}

const text = ({ rate, cpu }: Figures) => `${rate.toFixed(0)} MB/s ${cpu.toFixed(1)} s/GB`;

async function measureRaw({ peer, addrs }: Served): Promise<Figures> {
  const network = await createNetwork();
  await network.start();
  await network.connect(peer, addrs);
  const stop = stopwatch();
  const stream = await network.openStream(peer, [RAW]);
  await new Promise<void>((resolve) => {
    let received = 0;
    stream.receive({
      onBytes: (bytes) => {
        received += bytes.length;
        if (received >= total) resolve();
      },
      onEnd: () => resolve(),
    });
  });
  const figures = stop();
  await network.stop();
  return figures;
}

async function measureExchange(
  { peer, addrs, treeCid }: Served,
  rangesProtocol: boolean,
): Promise<Figures & { firstMs: number }> {
  const { repository, close } = await createRepository();
  const node = await startNode({ limits: { rangesProtocol }, repository });
  await node.network.connect(peer, addrs);
  const ref = { treeCid: parseCid(treeCid) as TreeCid, leafCount: total / 65_536, blockSize: 65_536 };
  const dataset = await node.repository.openDataset(ref);
  const stop = stopwatch();
  const started = performance.now();
  let firstMs = 0;
  await node.exchange.fetchDataset(dataset, {
    onProgress: ({ held }) => {
      if (held > 0 && firstMs === 0) firstMs = performance.now() - started;
    },
  });
  const figures = stop();
  await node.stop();
  await close();
  return { ...figures, firstMs };
}

async function main(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { env: { ...process.env, SERVE: '1' } });
  const served = await new Promise<Served>((resolve) => child.once('message', (message) => resolve(message as Served)));
  for (let round = 1; round <= ROUNDS; round++) {
    const raw = await measureRaw(served);
    let line = `${round}: raw ${text(raw)}`;
    for (const protocol of protocols) {
      const found = await measureExchange(served, protocol === 'ranges');
      line += `; ${protocol} ${text(found)} (${(found.rate / raw.rate).toFixed(2)}), first block ${found.firstMs.toFixed(0)} ms`;
    }
    process.stdout.write(`${line}\n`);
  }
  child.disconnect();
}

await (process.env.SERVE ? serve() : main());
