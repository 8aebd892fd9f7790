export type { Audit } from './disk/audit.ts';
export { DiskRepository, type DiskRepositoryComponents, type DiskRepositoryInit } from './disk/disk-repository.ts';
export type { StoreFile, StoreFs } from './disk/store-fs.ts';
export { STORE_ERRORS, StoreError, type StoreErrorCode } from './errors.ts';
export {
  DEFAULT_BLOCK_TTL_MS,
  DEFAULT_MAINTENANCE_BATCH,
  DEFAULT_MAINTENANCE_INTERVAL_MS,
  DEFAULT_QUOTA_BYTES,
} from './limits.ts';
export { MemoryRepository, type MemoryRepositoryInit } from './memory/memory-repository.ts';
