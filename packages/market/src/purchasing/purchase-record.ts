import type { Hex, RequestId, StorageRequest } from '../chain/marketplace.ts';
import type { Json } from '../storage/records.ts';
import type { PurchaseState } from './transitions.ts';

/** What the journal keeps of a purchase. */
export interface PurchaseRecord {
  /** Also the purchase's id (13 §2). */
  readonly id: RequestId;
  /** Undefined for one that was found on the chain and not read yet. */
  readonly request: StorageRequest | undefined;
  /** Of the call that made it. */
  readonly key: string | undefined;
  readonly state: PurchaseState;
  readonly error: string | undefined;
  /** Unix seconds; tells which of the ended ones is the oldest. */
  readonly createdAt: number;
  readonly submittedIn: Hex | undefined;
  /** Unix seconds, once the chain has told. */
  readonly expiresAt: number | undefined;
  readonly endsAt: number | undefined;
  /** The client's money is back, or there was none: nothing remains to be done. */
  readonly settled: boolean;
}

/** Amounts as decimal strings. */
const AMOUNT = /^\d+n$/;

/** As it is stored: JSON in which amounts end in `n`, as in the language. No text of a record looks like that: they are ids, states and sentences. */
export function purchaseRecordJson(record: PurchaseRecord): Json {
  const { key, ...rest } = record;
  const text = JSON.stringify(rest, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
  return { key: key ?? null, rest: JSON.parse(text) as Json };
}

export function storedPurchase(json: Json): PurchaseRecord {
  const { key, rest } = json as { key: string | null; rest: Json };
  const record = JSON.parse(JSON.stringify(rest), (_, value) =>
    typeof value === 'string' && AMOUNT.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as PurchaseRecord;
  return { ...record, key: key ?? undefined };
}
