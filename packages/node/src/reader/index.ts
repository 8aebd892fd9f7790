export { BatchReader, readDataset } from './batch-reader.ts';
export type { ByteBatch } from './byte-batch.ts';
