export type { DatasetFetcher } from './arrival.ts';
export { BatchReader, type ReadInit, readDataset } from './batch-reader.ts';
export type { ByteBatch } from './byte-batch.ts';
