import { type Dataset, DIGEST_BYTES, type LeafRange, nodeAt, provedFromNodes, TreeBuilder } from '@codex/content';
import { type AbortOptions, isCodexError } from '@codex/runtime';
import { emptyDigests } from './encode.ts';
import type { Geometry } from './geometry.ts';

/** Leaves under one known node at most: their nodes take 64 bytes each in memory. Repair proves what lies beyond. */
const SPAN_LEAVES_MAX = 2 ** 20;

/** Leaves that are hashed or proved between two turns of the event loop. */
const LEAVES_PER_TURN = 256;

/**
 * Makes restored leaves part of the protected dataset, so that they are served under its tree as well (02, Do better). An
 * unknown leaf lies below a node that is known from the proof of a neighbour, and all leaves below that node are unknown: when
 * all of them were restored, they can be proved. What cannot be proved yet is left out.
 */
export async function proveRestored(
  geometry: Geometry,
  dataset: Dataset,
  original: Dataset,
  { signal }: AbortOptions,
): Promise<void> {
  const data = { start: 0, count: geometry.dataLeaves };
  let looked = 0;
  for (const run of dataset.missing(data)) {
    for (let leaf = run.start; leaf < run.start + run.count; ) {
      if (++looked % LEAVES_PER_TURN === 0) await turn(signal);
      const span = unknownSpan(geometry, dataset, leaf);
      if (span.count === 0) {
        leaf++;
        continue;
      }
      if (span.start + span.count <= data.count && span.count <= SPAN_LEAVES_MAX) {
        await proveSpan(geometry, dataset, original, span, signal);
      }
      leaf = span.start + span.count;
    }
    await dataset.holdStored(run);
  }
}

/** The leaves below the lowest known node above a leaf; none when the leaf itself is known. */
export function unknownSpan(geometry: Geometry, dataset: Dataset, leaf: number): LeafRange {
  for (let layer = 0, index = leaf; ; layer++, index = Math.floor(index / 2)) {
    const width = 2 ** layer;
    const start = index * width;
    const count = Math.min(width, geometry.leafCount - start);
    if (dataset.node(layer, index) !== undefined) return { start, count: layer === 0 ? 0 : count };
    // Not even the root: nothing of this tree was ever proved.
    if (width >= 2 * geometry.leafCount) return { start: 0, count: geometry.leafCount };
  }
}

async function proveSpan(
  geometry: Geometry,
  dataset: Dataset,
  original: Dataset,
  span: LeafRange,
  signal: AbortSignal | undefined,
): Promise<void> {
  const layers: Uint8Array[] = [];
  const builder = new TreeBuilder(({ layer, first, nodes }) => {
    layers[layer] ??= new Uint8Array((Math.ceil(span.count / 2 ** layer) + 1) * DIGEST_BYTES);
    layers[layer].set(nodes, first * DIGEST_BYTES);
  });
  const chunks: LeafRange[] = [];
  for (let at = 0; at < span.count; at += LEAVES_PER_TURN) {
    chunks.push({ start: span.start + at, count: Math.min(LEAVES_PER_TURN, span.count - at) });
  }
  for (const chunk of chunks) {
    builder.append(await dataDigests(geometry, original, chunk));
    await turn(signal);
  }
  builder.finish();
  const lookup = (layer: number, index: number) => {
    const nodes = layers[layer];
    const own = nodes && nodeAt(nodes, index - Math.floor(span.start / 2 ** layer));
    const inside = index >= span.start / 2 ** layer && index < (span.start + span.count) / 2 ** layer;
    return inside && own && own.length > 0 ? own : dataset.node(layer, index);
  };
  for (const chunk of chunks) {
    try {
      const proved = provedFromNodes(dataset.ref, chunk, lookup);
      if (!proved) return;
      await dataset.learn(proved);
    } catch (error) {
      // The original is right, so the protected tree is wrong here: nothing of it can be served.
      if (isCodexError(error, 'PROOF_INVALID')) return;
      throw error;
    }
    await turn(signal);
  }
}

/** The digests of data leaves: of the original tree, and of padding. */
async function dataDigests(geometry: Geometry, original: Dataset, { start, count }: LeafRange): Promise<Uint8Array> {
  const own = Math.max(0, Math.min(count, geometry.originalLeaves - start));
  const digests = emptyDigests(count);
  if (own > 0) digests.set(await original.digests({ start, count: own }));
  return digests;
}

async function turn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
