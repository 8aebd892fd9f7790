import type { Address, Bytes32, Request } from './types.ts';

/** What the contracts emit (12 §2 and R13), by the names of the ABI. */
export type ModelEvent =
  | {
      readonly name: 'StorageRequested';
      readonly requestId: Bytes32;
      readonly ask: Request['ask'];
      readonly expiry: bigint;
    }
  | {
      readonly name: 'StorageRequestedBy';
      readonly requestId: Bytes32;
      readonly client: Address;
      readonly expiry: bigint;
    }
  | { readonly name: 'RequestFulfilled' | 'RequestFailed' | 'RequestCancelled'; readonly requestId: Bytes32 }
  | {
      readonly name: 'SlotFilled' | 'SlotFreed' | 'SlotReservationsFull';
      readonly requestId: Bytes32;
      readonly slotIndex: bigint;
    }
  | { readonly name: 'ProofSubmitted'; readonly id: Bytes32 }
  | { readonly name: 'ProofSubmittedFor'; readonly id: Bytes32; readonly period: bigint }
  | { readonly name: 'Transfer'; readonly from: Address; readonly to: Address; readonly value: bigint };
