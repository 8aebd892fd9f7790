import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  blockCid,
  datasetRef,
  EMPTY_BLOCK_CID,
  encodeManifest,
  formatCid,
  isEmptyDigest,
  nodeAt,
} from '@codex/content';
import { expect, it } from 'vitest';
import { protectDataset, rebuildRow, repairDataset, restoreDataset } from '../../src/index.ts';
import { contentOf, inMemory, manifestOf, upload, withLosses } from './setup.ts';

interface Vector {
  seed: string;
  size: number;
  blockSize: number;
  k: number;
  m: number;
  treeCid: string;
  manifestCid: string;
  protected: {
    manifestCid: { str: string };
    manifestBytes: string;
    treeCid: string;
    datasetSize: number;
    blocksCount: number;
    steps: number;
    blockCids: string[];
  };
}

const { vectors } = JSON.parse(readFileSync(new URL('../vectors/erasure.json', import.meta.url), 'utf8')) as {
  vectors: Vector[];
};

/** The stream of the vector file: SHA-256 over seed and counter. */
function streamOf(seed: string, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let c = 0; c * 32 < size; c++) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64LE(BigInt(c));
    parts.push(createHash('sha256').update(seed).update(counter).digest());
  }
  return Buffer.concat(parts).subarray(0, size);
}

it.each(vectors)('protects and restores $seed at $k + $m as the reference does', async (vector) => {
  const { k: data, m: parity, blockSize } = vector;
  const components = inMemory();
  const content = streamOf(vector.seed, vector.size);
  const plain = await upload(components.repository, content, blockSize);
  expect(formatCid(plain)).toBe(vector.manifestCid);
  const cid = await protectDataset(components, { manifest: plain, data, parity });
  expect(formatCid(cid)).toBe(vector.protected.manifestCid.str);
  const manifest = await manifestOf(components.repository, cid);
  expect(Buffer.from(encodeManifest(manifest)).toString('hex')).toBe(vector.protected.manifestBytes);
  expect(manifest.datasetSize).toBe(vector.protected.datasetSize);
  const dataset = await components.repository.openDataset(datasetRef(manifest));
  const digests = await dataset.digests({ start: 0, count: dataset.ref.leafCount });
  const cids = Array.from({ length: dataset.ref.leafCount }, (_, i) =>
    formatCid(isEmptyDigest(nodeAt(digests, i)) ? EMPTY_BLOCK_CID : blockCid(nodeAt(digests, i))),
  );
  expect(cids).toEqual(vector.protected.blockCids);

  // The first M rows are lost: the worst that can be restored.
  const { steps } = vector.protected;
  const made = { source: components, content, plain, cid, manifest, dataset, steps };
  const lossy = await withLosses(made, (leaf) => leaf < parity * steps);
  const restored = await restoreDataset(lossy, { manifest: cid });
  expect(formatCid(restored.manifest.treeCid)).toBe(vector.treeCid);
  expect((await contentOf(restored.dataset, vector.size)).equals(content)).toBe(true);
  await repairDataset(lossy, { manifest: cid });
  expect(lossy.dataset.heldCount).toBe(dataset.ref.leafCount);

  // Row by row: the first ones, and all parity.
  for (const first of [0, data]) {
    const host = await withLosses(made, (leaf) => leaf >= first * steps && leaf < (first + parity) * steps);
    for (let row = first; row < first + parity; row++) await rebuildRow(host, { manifest: cid, row });
    const range = { start: first * steps, count: parity * steps };
    expect([...host.dataset.missing(range)]).toEqual([]);
    const digest = async (from: typeof dataset) => {
      const bytes = new Uint8Array(range.count * blockSize);
      expect(await from.readInto(range, bytes)).toEqual([]);
      return createHash('sha256').update(bytes).digest('hex');
    };
    expect(await digest(host.dataset)).toBe(await digest(dataset));
  }
});

it.each([
  [
    2,
    1,
    'zDzSvJTfBugYrTN2XankW81ogPkEHgUeqzwhqUBsPfmEcbPYRQ2e',
    'zDvZRwzm1mR1FBPdAGtrMFtj4Vq6bv5vtW7fiYwFzCcRNCeMm7pW',
  ],
  [
    2,
    2,
    'zDzSvJTf3T22XZnQPbEZTDyMCXqcEwXLzHw16ovpZfmTjD8CVeTd',
    'zDvZRwzkxb1jmwdvMeDHfPzrVJLEU32WpZNAQ4FSEimGGHYJFcUC',
  ],
  [
    3,
    2,
    'zDzSvJTfEuSFfbPu24iPZyez7zwPQaMqd2PGMJ18BGhNN5jmM5yd',
    'zDvZRwzkx5GJY137SY7mji94fp93hAP3cuU9n9gVBHokLgCZbJTV',
  ],
])('protects the file of 02 §6 at %i + %i', async (data, parity, tree, cid) => {
  const content = Buffer.alloc(131_172).map((_, k) => (7 * k + 13 * (k >> 8) + 5) & 255);
  const components = inMemory();
  const plain = await upload(components.repository, content, 65_536);
  expect(formatCid(plain)).toBe('zDvZRwzkwBGr39ChB1kV312sAWcgC3em1HJLHGBiv7eDYJHeL6pi');
  const made = await protectDataset(components, { manifest: plain, data, parity });
  expect(formatCid(made)).toBe(cid);
  expect(formatCid((await manifestOf(components.repository, made)).treeCid)).toBe(tree);
});
