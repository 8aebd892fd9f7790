export type { DatasetFetcher } from './arrival.ts';
export { BatchReader, readDataset } from './batch-reader.ts';
export { type ByteBatch, cutBatch } from './byte-batch.ts';
