// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

struct MarketplaceConfig {
    CollateralConfig collateral;
    ProofConfig proofs;
    SlotReservationsConfig reservations;
    uint64 requestDurationLimit; // seconds
}

struct CollateralConfig {
    uint8 repairRewardPercentage; // of the collateral: what a host that repairs a slot need not put up
    uint8 maxNumberOfSlashes; // misses after which a slot is freed
    uint8 slashPercentage; // of the collateral, for each miss
    uint8 validatorRewardPercentage; // of what is slashed
}

struct ProofConfig {
    uint64 period; // seconds
    uint64 timeout; // seconds after a period in which a missing proof can be marked
    uint8 downtime; // blocks of 256 in which no proof is asked for
    uint8 downtimeProduct; // blocks by which the pointer moves with each period
    string zkeyHash;
}

struct SlotReservationsConfig {
    uint8 maxReservations; // of one slot
}

/// What the configuration above has no room for.
struct MarketplaceRules {
    uint8 maxSlotsPerHost; // of one request; 0: any number
    uint64 reservationTimeout; // seconds after which a reservation gives way to another host; 0: never
    bool expandingWindow; // whether hosts near a slot may reserve it before others
}
