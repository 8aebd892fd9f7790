export type { SupplyFetcher } from './leaf-supply.ts';
export { type CodingProgress, ProtectedData, type ReadProtected } from './protected-data.ts';
export type { ProtectedReader } from './protected-reader.ts';
export type { WorkOptions } from './shared-work.ts';
