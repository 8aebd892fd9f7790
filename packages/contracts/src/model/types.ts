/** `0x` and 40 lower-case hexadecimal digits. */
export type Address = `0x${string}`;
/** 32 bytes, as `0x` and 64 lower-case hexadecimal digits: ids, hashes, nonces. */
export type Bytes32 = `0x${string}`;

export interface Ask {
  readonly proofProbability: bigint;
  readonly pricePerBytePerSecond: bigint;
  readonly collateralPerByte: bigint;
  readonly slots: bigint;
  readonly slotSize: bigint;
  /** Seconds. */
  readonly duration: bigint;
  readonly maxSlotLoss: bigint;
}

/** A request as it is sent (12 §1); `expiry` is in seconds after it is stored. */
export interface Request {
  readonly client: Address;
  readonly ask: Ask;
  readonly content: { readonly cid: `0x${string}`; readonly merkleRoot: Bytes32 };
  readonly expiry: bigint;
  readonly nonce: Bytes32;
}

/** What the constructor takes (12 §1), and the rules that the ABI's structure has no room for. */
export interface ModelConfig {
  readonly collateral: {
    readonly repairRewardPercentage: number;
    readonly maxNumberOfSlashes: number;
    readonly slashPercentage: number;
    readonly validatorRewardPercentage: number;
  };
  readonly proofs: {
    /** Seconds. */
    readonly period: bigint;
    /** Seconds. */
    readonly timeout: bigint;
    /** Blocks. */
    readonly downtime: number;
    readonly downtimeProduct: number;
    readonly zkeyHash: string;
  };
  readonly reservations: { readonly maxReservations: number };
  /** Seconds. */
  readonly requestDurationLimit: bigint;
  readonly rules: {
    /** 0 is no limit. */
    readonly maxSlotsPerHost: number;
    /** Seconds; 0 is never. */
    readonly reservationTimeout: bigint;
    readonly expandingWindow: boolean;
  };
}

/** The block that a call runs in. */
export interface Block {
  readonly number: bigint;
  /** Seconds. */
  readonly timestamp: bigint;
  /** As the EVM's BLOCKHASH: zero when the block is not among the last 256, or unknown. */
  hashOf(number: bigint): Bytes32;
}

/** Where a proof stands only for what the verifier says of it. */
export interface ProofClaim {
  readonly valid: boolean;
}

export const ZERO_ADDRESS: Address = '0x0000000000000000000000000000000000000000';
export const ZERO_BYTES32: Bytes32 = '0x0000000000000000000000000000000000000000000000000000000000000000';
