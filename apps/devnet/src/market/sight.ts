import type { Hex } from 'viem';

/** A call of the marketplace that a party sent, as the block that holds it shows it. */
export interface Sight {
  readonly block: bigint;
  /** Seconds since 1970, of the block. */
  readonly time: number;
  /** Address in lower case. */
  readonly from: Hex;
  /** Name of the function, and what it was called with. */
  readonly call: string;
  readonly args: readonly unknown[];
  /** False: the call was reverted. */
  readonly ok: boolean;
  readonly requestId?: Hex | undefined;
  readonly slotIndex?: number | undefined;
  /** Events of the marketplace in it, by name. */
  readonly events: readonly string[];
  /** Tokens that were moved in it. */
  readonly transfers: readonly Transfer[];
}

export interface Transfer {
  /** Addresses in lower case. */
  readonly from: Hex;
  readonly to: Hex;
  readonly amount: bigint;
}
