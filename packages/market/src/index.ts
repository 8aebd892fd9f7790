export { MARKET_ERRORS, MarketError, type MarketErrorCode } from './errors.ts';
export { FileRecords } from './storage/file-records.ts';
export { MemoryRecords } from './storage/memory-records.ts';
export type { Json, RecordChanges, RecordStore } from './storage/records.ts';
