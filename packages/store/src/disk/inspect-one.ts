import type { Compute, SlabPool } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { type Inspected, inspectBlocks } from './inspect-job.ts';
import type { AppendedBlock } from './segment-log.ts';

/** Hashing so little takes less than handing it to a worker: 16 KiB are 10 µs. */
const INLINE_BYTES_MAX = 16 * 1024;

/** Hashes one block (1 MiB at most) and hands it to `use` with memory of its own. */
export async function inspectOne(
  { compute, slabs }: { compute: Compute; slabs: SlabPool },
  bytes: Uint8Array,
  options: AbortOptions,
  use: (block: AppendedBlock) => Promise<void>,
): Promise<void> {
  const lengths = Uint32Array.of(bytes.length);
  if (bytes.length <= INLINE_BYTES_MAX) {
    const own = new Uint8Array(bytes);
    await use(asBlock(own, await inspectBlocks.run({ bytes: own, lengths })));
    return;
  }
  const slab = await slabs.acquire(options);
  try {
    const own = slab.bytes.subarray(0, bytes.length);
    own.set(bytes);
    await use(asBlock(own, await compute.run(inspectBlocks, { bytes: own, lengths }, options)));
  } finally {
    slab.release();
  }
}

function asBlock(bytes: Uint8Array, { digests, physicalBytes, crcs }: Inspected): AppendedBlock {
  return {
    digest: digests,
    logicalBytes: bytes.length,
    physicalBytes: physicalBytes[0]!,
    crc: crcs[0]!,
    payload: bytes.subarray(0, physicalBytes[0]!),
  };
}
