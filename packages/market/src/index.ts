export { type ConnectedMarketplace, type ConnectInit, connectMarketplace } from './chain/connect.ts';
export type { KeySource } from './chain/keys/private-key.ts';
export type {
  Address,
  Ask,
  ChainClock,
  Hex,
  MarketEvent,
  Marketplace,
  ProofStatus,
  RequestId,
  RequestState,
  Sent,
  SlotId,
  SlotState,
  SolidityProof,
  StorageRequest,
  TracedEvent,
} from './chain/marketplace.ts';
export { MARKET_ERRORS, MarketError, type MarketErrorCode } from './errors.ts';
export type { Transition } from './machine/transition.ts';
export type { Purchase } from './purchasing/purchase.ts';
export { type PurchaseJson, purchaseJson, requestJson, type StorageRequestJson } from './purchasing/purchase-json.ts';
export { Purchasing, type PurchasingComponents, type Quote } from './purchasing/purchasing.ts';
export { checkWish, type PurchaseTerms, type PurchaseWish, totalPrice } from './purchasing/terms.ts';
export { PURCHASE_TRANSITIONS, type PurchaseState, purchaseDiagram } from './purchasing/transitions.ts';
export { type Availability, type AvailabilityJson, availabilityJson } from './sales/availability.ts';
export type { DatasetFacts, HostedSlot, HostStorage, SlotTransfer } from './sales/host-storage.ts';
export type { SlotTerms } from './sales/matching.ts';
export { type Reservation, type ReservationJson, reservationJson } from './sales/reservation.ts';
export { type AvailabilityTerms, type Quota, Reservations } from './sales/reservations.ts';
export type { Sale } from './sales/sale.ts';
export { type SaleJson, saleJson } from './sales/sale-json.ts';
export { Sales, type SalesComponents, type SalesLimits } from './sales/sales.ts';
export type { SlotItem } from './sales/slot-item.ts';
export { comparePriority, SlotQueue } from './sales/slot-queue.ts';
export { SALE_TRANSITIONS, type SaleState, saleDiagram } from './sales/transitions.ts';
export { FileRecords } from './storage/file-records.ts';
export { MemoryRecords } from './storage/memory-records.ts';
export type { Json, RecordChanges, RecordStore } from './storage/records.ts';
export { checkValidatorOptions, groupOf, type ValidatorOptions } from './validation/groups.ts';
export { Validation, type ValidationComponents } from './validation/validation.ts';
export { WatchList } from './validation/watch-list.ts';
