import { decodeCid, formatCid } from '@codex/content';
import { isCodexError } from '@codex/runtime';
import type { Hex, StorageRequest } from '../chain/marketplace.ts';
import type { Purchase } from './purchase.ts';

/** A request as the REST API shows it (13 §1): sizes and times as numbers, amounts as decimal strings. */
export interface StorageRequestJson {
  readonly client: string;
  readonly ask: {
    readonly proofProbability: string;
    readonly pricePerBytePerSecond: string;
    readonly collateralPerByte: string;
    readonly slots: number;
    readonly slotSize: number;
    readonly duration: number;
    readonly maxSlotLoss: number;
  };
  readonly content: { readonly cid: string };
  readonly expiry: number;
  readonly nonce: string;
  readonly id: string;
}

export function requestJson(request: StorageRequest, id: string): StorageRequestJson {
  const { ask } = request;
  return {
    client: request.client,
    ask: {
      proofProbability: ask.proofProbability.toString(),
      pricePerBytePerSecond: ask.pricePerBytePerSecond.toString(),
      collateralPerByte: ask.collateralPerByte.toString(),
      slots: Number(ask.slots),
      slotSize: Number(ask.slotSize),
      duration: Number(ask.duration),
      maxSlotLoss: Number(ask.maxSlotLoss),
    },
    content: { cid: cidText(request.content.cid) },
    expiry: Number(request.expiry),
    nonce: request.nonce,
    id,
  };
}

/** Anybody can put anything on the chain: what is no CID is shown as it is. */
function cidText(bytes: Hex): string {
  try {
    return formatCid(decodeCid(Buffer.from(bytes.slice(2), 'hex')));
  } catch (error) {
    if (isCodexError(error)) return bytes;
    throw error;
  }
}

/** A purchase as the REST API shows it (13 §1). */
export interface PurchaseJson {
  readonly requestId: string;
  readonly request: StorageRequestJson | null;
  readonly state: string;
  readonly error: string | null;
  // What follows is ours. Unix seconds; null when it is not known, or over.
  readonly expiresAt: number | null;
  readonly endsAt: number | null;
  readonly filledSlots: number | null;
}

export function purchaseJson({ record, state, filledSlots }: Purchase): PurchaseJson {
  return {
    requestId: record.id,
    request: record.request ? requestJson(record.request, record.id) : null,
    state,
    error: record.error ?? null,
    expiresAt: record.expiresAt ?? null,
    endsAt: record.endsAt ?? null,
    filledSlots: filledSlots ?? null,
  };
}
