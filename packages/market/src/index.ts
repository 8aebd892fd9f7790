export { MARKET_ERRORS, MarketError, type MarketErrorCode } from './errors.ts';
export { type Availability, type AvailabilityJson, availabilityJson } from './sales/availability.ts';
export type { SlotTerms } from './sales/matching.ts';
export { type Reservation, type ReservationJson, reservationJson } from './sales/reservation.ts';
export { type AvailabilityTerms, type Quota, Reservations } from './sales/reservations.ts';
export { FileRecords } from './storage/file-records.ts';
export { MemoryRecords } from './storage/memory-records.ts';
export type { Json, RecordChanges, RecordStore } from './storage/records.ts';
