export type { DatasetFetcher } from './arrival.ts';
export type { ByteBatch } from './byte-batch.ts';
export { type ReadInit, readBatches, readDataset } from './read-dataset.ts';
