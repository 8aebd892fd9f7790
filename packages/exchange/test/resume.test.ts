import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCompute, SharedSlabPool } from '@codex/compute';
import type { Repository } from '@codex/content';
import { DiskRepository, MemoryRepository } from '@codex/store';
import { afterEach, expect, it } from 'vitest';
import { Exchange, MemoryHub, MemoryNetwork } from '../src/index.ts';
import { open, readAll, upload } from './nodes.ts';
import { BLOCK, Counts, contentOf } from './swarm/simulated.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

it('a fetch that ended with its process goes on with what is missing on disk', async () => {
  const blocks = 512;
  const hub = new MemoryHub({}, { bufferBytes: 256 * 1024 });
  const directory = await mkdtemp(join(tmpdir(), 'exchange-resume-'));
  cleanUps.push(() => rm(directory, { recursive: true, force: true }));
  const compute = createCompute();
  await compute.start();
  cleanUps.push(() => compute.stop());

  const start = async (peerId: string, repository: Repository) => {
    const network = new MemoryNetwork({ hub }, { peerId });
    const metrics = new Counts();
    const exchange = new Exchange({ network, repository, metrics }, { inFlightMaxBytes: 16 * BLOCK });
    network.start();
    await exchange.start();
    const stop = async () => {
      exchange.stop();
      await network.stop();
    };
    cleanUps.push(stop);
    return { network, repository, exchange, metrics, stop };
  };
  const openDisk = () =>
    DiskRepository.open({ compute, slabs: new SharedSlabPool() }, { path: join(directory, 'repo'), quotaBytes: 1e9 });

  const seeder = await start('seeder', new MemoryRepository());
  const file = await upload(seeder, contentOf(5, blocks), BLOCK);

  let disk = await openDisk();
  const first = await start('first', disk);
  await first.network.connect('seeder', seeder.network.listenAddrs());
  // Without its manifest the store keeps no part of a dataset.
  await first.exchange.fetchBlock(file.manifestCid);
  const stopped = new AbortController();
  const fetched = first.exchange.fetchDataset(await open(first, file), {
    signal: stopped.signal,
    onProgress: ({ held }) => held >= 100 && stopped.abort(),
  });
  await expect(fetched).rejects.toMatchObject({ name: 'AbortError' });
  await first.stop();
  await disk.stop();

  disk = await openDisk();
  cleanUps.push(() => disk.stop());
  const second = await start('second', disk);
  await second.network.connect('seeder', seeder.network.listenAddrs());
  const dataset = await open(second, file);
  const held = dataset.heldCount;
  expect(held).toBeGreaterThanOrEqual(100);
  expect(held).toBeLessThan(blocks);
  await second.exchange.fetchDataset(dataset);
  expect(second.metrics.get('blocks_received')).toBe(blocks - held);
  expect(Buffer.compare(await readAll(dataset, file.bytes.length), file.bytes)).toBe(0);
});
