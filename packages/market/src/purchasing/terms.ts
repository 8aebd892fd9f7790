import type { Ask, Hex } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';

/** What a client asks for; a dataset, cut into slots already, and the conditions. */
export interface PurchaseTerms {
  readonly ask: Ask;
  readonly content: { readonly cid: Hex; readonly merkleRoot: Hex };
  /** Seconds after it is stored. */
  readonly expiry: bigint;
}

/** What can be checked before the dataset is touched. */
export interface PurchaseWish {
  /** Seconds. */
  readonly duration: bigint;
  readonly proofProbability: bigint;
  readonly pricePerBytePerSecond: bigint;
  readonly collateralPerByte: bigint;
  /** Seconds after it is stored. */
  readonly expiry: bigint;
  /** Slots in all. */
  readonly nodes: number;
  /** Slots that may be lost. */
  readonly tolerance: number;
}

/** A circuit proves slots of datasets of 256 at most (11 §1). */
const NODES_MAX = 256;

/** Refuses what cannot be bought, in the order and the words of 13 §1. Error: `PURCHASE_INVALID`. */
export function checkWish(wish: PurchaseWish, durationLimit: bigint): void {
  const { duration, expiry, nodes, tolerance } = wish;
  const datas = nodes - tolerance;
  const checks: readonly (readonly [boolean, string])[] = [
    [expiry > 0n && expiry < duration, "Expiry must be greater than zero and less than the request's duration"],
    [wish.proofProbability > 0n, 'Proof probability must be greater than zero'],
    [wish.collateralPerByte > 0n, 'Collateral per byte must be greater than zero'],
    [wish.pricePerBytePerSecond > 0n, 'Price per byte per second must be greater than zero'],
    [duration <= durationLimit, `Duration exceeds limit of ${durationLimit} seconds`],
    [tolerance > 0, 'Tolerance needs to be bigger then zero'],
    [tolerance <= nodes, 'Invalid parameters: `tolerance` cannot be greater than `nodes`'],
    [
      datas > 1 && datas >= tolerance,
      'Invalid parameters: parameters must satify `1 < (nodes - tolerance) ≥ tolerance`',
    ],
    [nodes <= NODES_MAX, `Invalid parameters: \`nodes\` cannot be greater than ${NODES_MAX}`],
  ];
  for (const [holds, text] of checks) if (!holds) throw new MarketError('PURCHASE_INVALID', text);
}

/** What the contract takes of the client when a request is stored (13 §2). */
export function totalPrice(ask: Ask): bigint {
  return ask.slots * ask.duration * ask.pricePerBytePerSecond * ask.slotSize;
}
