import type { Compute, Job } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { itemsIn } from './batch.ts';
import { type BlockShape, permutationsPerBlock } from './blocks.ts';
import { checkElements, ELEMENT_BYTES } from './field.ts';
import { compressJob, digestBlocksJob } from './jobs.ts';
import { MerkleTree, noLeaves, planLayer } from './merkle.ts';

/** Work of one job: below 10 ms, so that it may run on the calling thread where there are no others. */
const JOB_PERMUTATIONS = 2048;

const PAIR_BYTES = 2 * ELEMENT_BYTES;

/**
 * As `blockDigests`, by several threads. Blocks in shared memory are not copied, and must stay as they are until this
 * settles. An abort leaves out what has not begun; what runs is a matter of 10 ms, and is only read for.
 */
export async function digestBlocks(
  compute: Compute,
  blocks: Uint8Array,
  shape: BlockShape,
  options: AbortOptions = {},
): Promise<Uint8Array> {
  const total = itemsIn(blocks, shape.blockSize);
  itemsIn(blocks.subarray(0, shape.blockSize), shape.cellSize);
  const perJob = Math.max(1, Math.floor(JOB_PERMUTATIONS / permutationsPerBlock(shape)));
  const pieces = piecesOf(blocks, total, shape.blockSize, perJob);
  return runAll(compute, digestBlocksJob, pieces, (piece) => ({ blocks: piece, shape }), options);
}

/** As `MerkleTree.over`, by several threads. Errors: POSEIDON2_TREE_EMPTY, POSEIDON2_ELEMENT_INVALID. */
export async function growTree(compute: Compute, leaves: Uint8Array, options: AbortOptions = {}): Promise<MerkleTree> {
  if (leaves.length === 0) throw noLeaves();
  checkElements(leaves);
  const layers = [leaves];
  for (let layer = leaves; layers.length <= 1 || layer.length > ELEMENT_BYTES; layers.push(layer)) {
    const { calls, join } = planLayer(layer, layer.length / ELEMENT_BYTES, layers.length === 1);
    const parents = calls.map(({ pairs, key }) => {
      const pieces = piecesOf(pairs, itemsIn(pairs, PAIR_BYTES), PAIR_BYTES, JOB_PERMUTATIONS);
      return runAll(compute, compressJob, pieces, (piece) => ({ pairs: piece, key }), options);
    });
    layer = join(await Promise.all(parents));
  }
  return new MerkleTree(layers);
}

function piecesOf(bytes: Uint8Array, total: number, itemBytes: number, perJob: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(total / perJob) }, (_, i) =>
    bytes.subarray(i * perJob * itemBytes, Math.min(total, (i + 1) * perJob) * itemBytes),
  );
}

async function runAll<I>(
  compute: Compute,
  job: Job<I, Uint8Array>,
  pieces: readonly Uint8Array[],
  inputOf: (piece: Uint8Array) => I,
  { signal }: AbortOptions,
): Promise<Uint8Array> {
  const settled = await Promise.allSettled(
    pieces.map((piece) => {
      // Memory that is not shared would be copied as a whole, of which the piece is a part.
      const portable = piece.buffer instanceof SharedArrayBuffer ? piece : piece.slice();
      return compute.run(job, inputOf(portable), signal ? { signal } : {});
    }),
  );
  const results = settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  const joined = new Uint8Array(results.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const result of results) {
    joined.set(result, at);
    at += result.length;
  }
  return joined;
}
