/** A marketplace's configuration as the contract takes it (12 §1). */
export interface MarketplaceConfig {
  readonly collateral: {
    /** Of the collateral: what a host that repairs a slot need not put up. */
    readonly repairRewardPercentage: number;
    /** Misses after which a slot is freed. */
    readonly maxNumberOfSlashes: number;
    /** Of the collateral, for each miss. */
    readonly slashPercentage: number;
    /** Of what is slashed. */
    readonly validatorRewardPercentage: number;
  };
  readonly proofs: {
    /** Seconds. */
    readonly period: bigint;
    /** Seconds after a period in which a missing proof can be marked. */
    readonly timeout: bigint;
    /** Blocks of 256 in which no proof is asked for; `period < downtime × block time` must hold. */
    readonly downtime: number;
    /** Blocks by which the pointer moves with each period. */
    readonly downtimeProduct: number;
    /** SHA-256 of the proving key's file, in hex. */
    readonly zkeyHash: string;
  };
  readonly reservations: {
    /** Of one slot. */
    readonly maxReservations: number;
  };
  /** Seconds. */
  readonly requestDurationLimit: bigint;
}

/** What the configuration above has no room for. */
export interface MarketplaceRules {
  /** Slots of one request that a host may hold; 0 is no limit. */
  readonly maxSlotsPerHost: number;
  /** Seconds after which a reservation gives way to another host; 0 is never. */
  readonly reservationTimeout: bigint;
  /** Whether hosts near a slot may reserve it before others. */
  readonly expandingWindow: boolean;
}

/** What a marketplace is deployed with. */
export interface NetworkConfig {
  /** Names the deployments file. */
  readonly name: string;
  readonly config: MarketplaceConfig;
  readonly rules: MarketplaceRules;
  /** A chain of one's own: blocks are mined on demand, test contracts are deployed, tokens are given to its accounts. */
  readonly local: boolean;
}
