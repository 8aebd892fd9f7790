import { readFileSync } from 'node:fs';
import { formatCid } from '@codex/content';
import { expect, it } from 'vitest';
import { buildSlots } from '../src/index.ts';
import { inMemory, protect, streamOf } from './support/datasets.ts';

interface Row {
  seed: string;
  size: number;
  blockSize: number;
  k: number;
  m: number;
  verifiable: { manifestCid: string; cellSize: number };
}

const { vectors } = JSON.parse(readFileSync(new URL('./vectors/verifiable.json', import.meta.url), 'utf8')) as {
  vectors: Row[];
};

it.each(vectors)('has the verifiable dataset of the reference: $size bytes at $k + $m', async (row) => {
  const components = inMemory();
  const code = { data: row.k, parity: row.m, blockSize: row.blockSize };
  const manifest = await protect(components, streamOf(row.seed, row.size), code);
  const { manifestCid } = await buildSlots(components, { manifest, cellSize: row.verifiable.cellSize });
  expect(formatCid(manifestCid)).toBe(row.verifiable.manifestCid);
});
