import type { AbortOptions } from '@codex/runtime';
import type { Hex, RequestId, SlotId, SolidityProof, StorageRequest } from '../chain/marketplace.ts';

/** A slot that a host has, or is about to have. */
export interface HostedSlot {
  readonly requestId: RequestId;
  readonly slotId: SlotId;
  readonly slotIndex: number;
  readonly request: StorageRequest;
}

/** What a manifest says of its dataset; that it is verifiable, linear, and of cells that can be proved was checked. */
export interface DatasetFacts {
  /** The verify root. */
  readonly merkleRoot: Hex;
  readonly slots: number;
  /** Bytes, padded. */
  readonly slotSize: number;
  /** Slots that may be lost. */
  readonly tolerance: number;
}

export interface SlotTransfer extends AbortOptions {
  /** Blocks are kept until then at least, Unix seconds. */
  readonly expiry: number;
  /** Must be awaited after each batch, with the bytes that the store's quota counts since the last; those found there before count too when first kept. */
  readonly onStored: (bytes: number) => Promise<void>;
}

/** Where a host's slots are: the node puts repository, exchange, repair and prover behind it. Every call can be repeated. */
export interface HostStorage {
  /** Fetches the manifest. Errors: any, when it cannot be had or is wrong. */
  describe(cid: Hex, options?: AbortOptions): Promise<DatasetFacts>;
  /** Fetches the slot's blocks from peers, waiting for some to come who have them, and checks its root. */
  fetchSlot(slot: HostedSlot, transfer: SlotTransfer): Promise<void>;
  /** Fetches what peers have of the slot now, rebuilds the rest from what they have of others, and checks its root. */
  repairSlot(slot: HostedSlot, transfer: SlotTransfer): Promise<void>;
  /** Proves the slot for a challenge of 32 bytes. `deadline`, Unix seconds: later the proof is worth nothing. */
  prove(
    slot: HostedSlot,
    challenge: Hex,
    options: AbortOptions & { readonly deadline: number },
  ): Promise<SolidityProof>;
  /** Keeps the slot's blocks, and the manifest, until `expiry` at least, Unix seconds. */
  extend(slot: HostedSlot, expiry: number): Promise<void>;
  /** Deletes what is kept for this slot, and for no other. Nothing to delete is no error. */
  release(slot: HostedSlot): Promise<void>;
}

/** True when the manifest is what the request says (18, 2): otherwise no proof could ever be right. */
export function describesRequest(facts: DatasetFacts, { ask, content }: StorageRequest): boolean {
  return (
    facts.merkleRoot.toLowerCase() === content.merkleRoot.toLowerCase() &&
    BigInt(facts.slots) === ask.slots &&
    BigInt(facts.slotSize) === ask.slotSize &&
    BigInt(facts.tolerance) === ask.maxSlotLoss
  );
}
