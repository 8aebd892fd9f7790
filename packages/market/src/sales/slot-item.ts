import type { Ask, RequestId } from '../chain/marketplace.ts';
import type { Json } from '../storage/records.ts';

/** A slot that somebody is wanted for (14 §4). */
export interface SlotItem {
  readonly requestId: RequestId;
  readonly slotIndex: number;
  /** Bytes, padded. */
  readonly slotSize: number;
  /** What it earns from when it was queued to the request's end. */
  readonly profit: bigint;
  /** What filling it costs. */
  readonly collateral: bigint;
  /** Until when it can be filled: the request's expiry, or its end when it has started. Unix seconds. */
  readonly expiry: number;
  /** Was looked at, and did not fit: it waits for a change of what is offered. */
  readonly seen: boolean;
  /** Not before this time, Unix seconds: others hold all its reservations until then. */
  readonly deferredUntil: number;
  /** Drawn by chance: among equals hosts begin with different ones. */
  readonly lot: number;
}

/** A circuit proves slots of requests of 256 at most (18, 14): of others no host could prove any. */
const REQUEST_SLOTS_MAX = 256n;

/** True when the request's slots can be hosted at all. */
export function isHostable(ask: Ask): boolean {
  return ask.slots >= 1n && ask.slots <= REQUEST_SLOTS_MAX && ask.slotSize <= BigInt(Number.MAX_SAFE_INTEGER);
}

export function slotProfit(ask: Ask, seconds: number): bigint {
  return BigInt(Math.max(0, seconds)) * ask.pricePerBytePerSecond * ask.slotSize;
}

/** What filling a slot costs; a repair is cheaper (14 §4). */
export function slotCollateral(ask: Ask, repairRewardPercentage: number, repair: boolean): bigint {
  const full = ask.collateralPerByte * ask.slotSize;
  return repair ? full - (full * BigInt(repairRewardPercentage)) / 100n : full;
}

export const slotKey = (requestId: RequestId, slotIndex: number): string => `${requestId}/${slotIndex}`;

export function slotItemRecord(item: SlotItem): Json {
  return { ...item, profit: item.profit.toString(), collateral: item.collateral.toString() };
}

export function storedSlotItem(record: Json): SlotItem {
  const json = record as unknown as SlotItem & { profit: string; collateral: string };
  return { ...json, profit: BigInt(json.profit), collateral: BigInt(json.collateral) };
}
