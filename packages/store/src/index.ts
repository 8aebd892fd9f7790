export { STORE_ERRORS, StoreError, type StoreErrorCode } from './errors.ts';
export {
  DEFAULT_BLOCK_TTL_MS,
  DEFAULT_MAINTENANCE_BATCH,
  DEFAULT_MAINTENANCE_INTERVAL_MS,
  DEFAULT_QUOTA_BYTES,
} from './limits.ts';
export { MemoryRepository, type MemoryRepositoryInit } from './memory/memory-repository.ts';
