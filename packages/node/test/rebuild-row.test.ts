import { InlineCompute } from '@codex/compute';
import { type Dataset, datasetRef, decodeManifest, encodeManifest, manifestCidOf } from '@codex/content';
import { GroupMemory, protectDataset, protectedGeometry, rebuildRow } from '@codex/erasure';
import { Exchange, MemoryHub, MemoryNetwork } from '@codex/exchange';
import { seededRandom, systemClock } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { afterEach, expect, it } from 'vitest';
import { LeafSupply } from '../src/protection/leaf-supply.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

it('a host rebuilds a row that nobody has from peers that hold one row each', async () => {
  const hub = new MemoryHub({}, { bufferBytes: 256 * 1024 });
  const start = async (peerId: string) => {
    const repository = new MemoryRepository();
    const network = new MemoryNetwork({ hub }, { peerId });
    const exchange = new Exchange({ network, repository });
    network.start();
    await exchange.start();
    cleanUps.push(async () => {
      exchange.stop();
      await network.stop();
    });
    return { network, repository, exchange, compute: new InlineCompute(), memory: new GroupMemory() };
  };
  const maker = await start('maker');
  const [blockSize, blocks, data, parity] = [4096, 1200, 4, 3];
  const writer = maker.repository.createDataset({ blockSize });
  await writer.append(seededRandom(1).bytes(blocks * blockSize - 100));
  const plain = await writer.finish((tree) => ({ ...tree, blockSize }));
  const cid = await protectDataset(maker, { manifest: plain, data, parity });
  const manifest = decodeManifest((await maker.repository.getBlock(cid))!);
  const geometry = protectedGeometry(manifest);
  const whole = await maker.repository.openDataset(datasetRef(manifest));
  const bytes = encodeManifest(manifest);

  const host = await start('host');
  await host.repository.putBlock(manifestCidOf(bytes), bytes);
  const lost = 2;
  for (let row = 0; row < data + parity; row++) {
    // Two more rows are lost, one of them beside it.
    if ([lost, 1, 6].includes(row)) continue;
    const peer = await start(`row ${row}`);
    await peer.repository.putBlock(manifestCidOf(bytes), bytes);
    const dataset = await peer.repository.openDataset(datasetRef(manifest));
    const range = { start: row * geometry.steps, count: geometry.steps };
    await dataset.learn(await whole.prove(range));
    for await (const batch of whole.read(range)) {
      await dataset.putLeaves(batch.start, batch.blocks);
      batch.release();
    }
    await host.network.connect(`row ${row}`, peer.network.listenAddrs());
  }
  const components = { fetcher: host.exchange, clock: systemClock };
  const fetchInto = (dataset: Dataset) => new LeafSupply(components, { dataset, geometry }).fetch;
  const before = host.repository.usage().quotaUsedBytes;
  const { dataset } = await rebuildRow(host, { manifest, row: lost, fetchInto });
  const range = { start: lost * geometry.steps, count: geometry.steps };
  const [own, expected] = [Buffer.alloc(range.count * blockSize), Buffer.alloc(range.count * blockSize)];
  expect(await dataset.readInto(range, own)).toEqual([]);
  await whole.readInto(range, expected);
  expect(own.equals(expected)).toBe(true);
  expect(host.repository.usage().quotaUsedBytes - before).toBeLessThanOrEqual((range.count + 2) * blockSize);
});
