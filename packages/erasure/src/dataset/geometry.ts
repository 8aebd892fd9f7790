import {
  blockCount,
  type DatasetRef,
  datasetRef,
  type LeafRange,
  type Manifest,
  originalManifest,
  STRATEGY,
} from '@codex/content';
import { CHUNK_BYTES, checkParameters } from '../codec/params.ts';
import { ErasureError } from '../errors.ts';

/**
 * Bytes of one column, all rows: it must be in memory as a whole. 2048 rows of 64 KiB; the marketplace has 256 at most
 * (18 §14).
 */
export const COLUMN_BYTES_MAX = 128 * 1024 * 1024;

/** The matrix of a protected dataset, stored row by row (02 §1). */
export interface Geometry {
  readonly blockSize: number;
  /** K: data rows. */
  readonly data: number;
  /** M: parity rows; 0 = none. */
  readonly parity: number;
  /** n: leaves of the original tree. */
  readonly originalLeaves: number;
  /** Columns, each a code word. */
  readonly steps: number;
  /** Leaves of data rows: the original ones and padding. */
  readonly dataLeaves: number;
  /** Leaves of the protected tree. */
  readonly leafCount: number;
}

/** Neighbouring columns. */
export type Columns = LeafRange;

/**
 * The matrix that a plain dataset becomes. Errors: `ERASURE_DATASET_TOO_SMALL` (data: minSize in bytes) when there are fewer
 * blocks than data rows, `ERASURE_PARAMETERS_INVALID`.
 */
export function geometryOf(manifest: Manifest, code: { data: number; parity: number }): Geometry {
  if (manifest.protection) {
    throw new ErasureError('ERASURE_MANIFEST_UNSUITABLE', 'The dataset is protected already');
  }
  const { data, parity } = code;
  const { blockSize } = manifest;
  const originalLeaves = blockCount(manifest);
  checkCode(data, parity, blockSize);
  if (data > originalLeaves) {
    throw new ErasureError(
      'ERASURE_DATASET_TOO_SMALL',
      `${originalLeaves} blocks cannot be spread over ${data} rows: ${data * blockSize} bytes are needed`,
      { blocks: originalLeaves, data, minSize: data * blockSize },
    );
  }
  return shapeOf(blockSize, originalLeaves, data, parity);
}

/**
 * The matrix of a protected dataset, whoever made its manifest. Errors: `ERASURE_MANIFEST_UNSUITABLE` for a plain one and
 * for the linear strategy, which nobody writes and whose positions are not defined (02, Do better);
 * `ERASURE_PARAMETERS_INVALID`.
 */
export function protectedGeometry(manifest: Manifest): Geometry {
  const { protection, blockSize } = manifest;
  if (!protection) throw new ErasureError('ERASURE_MANIFEST_UNSUITABLE', 'The dataset is not protected');
  if (protection.strategy !== STRATEGY.stepped) {
    throw new ErasureError('ERASURE_MANIFEST_UNSUITABLE', 'Only the stepped strategy is understood', {
      strategy: protection.strategy,
    });
  }
  const { ecK, ecM } = protection;
  checkCode(ecK, ecM, blockSize);
  const geometry = shapeOf(blockSize, blockCount(originalManifest(manifest)), ecK, ecM);
  if (geometry.leafCount !== blockCount(manifest)) {
    throw new ErasureError('ERASURE_MANIFEST_UNSUITABLE', 'The numbers of blocks contradict each other', {
      blocks: blockCount(manifest),
      expected: geometry.leafCount,
    });
  }
  return geometry;
}

/** The original tree of a protected dataset. */
export function originalRef(manifest: Manifest): DatasetRef {
  return datasetRef(originalManifest(manifest));
}

/** The leaf of a row and column: rows 0 … K−1 are data, the others parity. */
export function leafOf({ steps }: Geometry, row: number, column: number): number {
  return row * steps + column;
}

/** The leaves of a row in some columns. */
export function rowRange({ steps }: Geometry, row: number, { start, count }: Columns): LeafRange {
  return { start: row * steps + start, count };
}

/** The part of a row that stands in the original tree: the rest is padding. */
export function originalPart(geometry: Geometry, row: number, columns: Columns): LeafRange {
  const { start, count } = rowRange(geometry, row, columns);
  const end = Math.min(start + count, geometry.originalLeaves);
  return { start, count: Math.max(0, end - start) };
}

function shapeOf(blockSize: number, originalLeaves: number, data: number, parity: number): Geometry {
  const steps = Math.ceil(originalLeaves / data);
  return {
    blockSize,
    data,
    parity,
    originalLeaves,
    steps,
    dataLeaves: steps * data,
    leafCount: steps * (data + parity),
  };
}

function checkCode(data: number, parity: number, blockSize: number): void {
  const refuse = (reason: string) =>
    new ErasureError('ERASURE_PARAMETERS_INVALID', `Datasets are not coded like that: ${reason}`, {
      data,
      parity,
      shardBytes: blockSize,
    });
  // Without parity there is padding only: the library allows it (02 §1).
  if (parity !== 0) checkParameters({ data, parity });
  else if (!Number.isSafeInteger(data) || data < 1) throw refuse('there is no data row');
  if (blockSize % CHUNK_BYTES !== 0) throw refuse(`blocks are no multiples of ${CHUNK_BYTES} bytes`);
  if ((data + parity) * blockSize > COLUMN_BYTES_MAX) throw refuse(`a column has more than ${COLUMN_BYTES_MAX} bytes`);
}
