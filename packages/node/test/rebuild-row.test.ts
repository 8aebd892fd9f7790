import { type Dataset, datasetRef, encodeManifest, manifestCidOf } from '@codex/content';
import { protectedGeometry, rebuildRow } from '@codex/erasure';
import { systemClock } from '@codex/runtime';
import { expect, it } from 'vitest';
import { LeafSupply } from '../src/protection/leaf-supply.ts';
import { giveRow, makeProtected, RowPeers } from './rows.ts';

it('a host rebuilds a row that nobody has from peers that hold one row each', async () => {
  const peers = new RowPeers();
  const maker = await peers.start('maker');
  const [blockSize, data, parity] = [4096, 4, 3];
  const manifest = await makeProtected(maker, { blockSize, blocks: 1200, data, parity });
  const geometry = protectedGeometry(manifest);
  const whole = await maker.repository.openDataset(datasetRef(manifest));
  const bytes = encodeManifest(manifest);

  const host = await peers.start('host');
  await host.repository.putBlock(manifestCidOf(bytes), bytes);
  const lost = 2;
  for (let row = 0; row < data + parity; row++) {
    // Two more rows are lost, one of them beside it.
    if ([lost, 1, 6].includes(row)) continue;
    const peer = await peers.start(`row ${row}`);
    await giveRow(maker, peer, manifest, row);
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
