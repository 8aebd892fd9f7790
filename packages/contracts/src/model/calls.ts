import type { Address, Bytes32, ProofClaim, Request } from './types.ts';

/** What can be sent to the marketplace, and to its token. */
export type Call =
  | { readonly name: 'requestStorage'; readonly request: Request }
  | { readonly name: 'reserveSlot'; readonly requestId: Bytes32; readonly index: bigint }
  | { readonly name: 'fillSlot'; readonly requestId: Bytes32; readonly index: bigint; readonly proof: ProofClaim }
  | { readonly name: 'submitProof'; readonly slotId: Bytes32; readonly proof: ProofClaim }
  | { readonly name: 'markProofAsMissing' | 'canMarkProofAsMissing'; readonly slotId: Bytes32; readonly period: bigint }
  | { readonly name: 'freeSlot'; readonly slotId: Bytes32; readonly recipients?: readonly [Address, Address] }
  | { readonly name: 'withdrawFunds'; readonly requestId: Bytes32; readonly recipient?: Address }
  | { readonly name: 'mint' | 'transfer'; readonly to: Address; readonly amount: bigint }
  /** Lets the marketplace take `amount` of the sender. */
  | { readonly name: 'approve'; readonly amount: bigint };

export type CallName = Call['name'];
