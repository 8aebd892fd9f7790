import { defineJob } from '@codex/compute';
import { type BlockShape, blockDigests } from './blocks.ts';
import { createHasher } from './create-hasher.ts';

/** Digests of blocks. */
export const digestBlocksJob = defineJob(
  import.meta.url,
  'digestBlocksJob',
  ({ blocks, shape }: { readonly blocks: Uint8Array; readonly shape: BlockShape }): Uint8Array =>
    blockDigests(createHasher(), blocks, shape),
);

/** Compressed pairs. */
export const compressJob = defineJob(
  import.meta.url,
  'compressJob',
  ({ pairs, key }: { readonly pairs: Uint8Array; readonly key: number }): Uint8Array =>
    createHasher().compress(pairs, key),
);
