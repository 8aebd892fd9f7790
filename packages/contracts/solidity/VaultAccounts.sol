// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// Names a fund of a controller; never used twice.
type FundId is bytes32;
/// A holder's address in the first 20 bytes, then 12 bytes that tell its accounts apart.
type AccountId is bytes32;

enum FundStatus {
    Inactive,
    Locked,
    Frozen,
    Withdrawing
}

struct Fund {
    uint40 lockExpiry;
    uint40 lockMaximum; // how far the expiry may be put off
    uint40 frozenAt;
}

struct Balance {
    uint128 available;
    uint128 designated; // is the holder's, and cannot be spent in the fund any more
}

/// Tokens per second, settled up to a point in time.
struct Flow {
    uint96 outgoing;
    uint96 incoming;
    uint40 updated;
}

struct Account {
    Balance balance;
    Flow flow;
}

library Funds {
    function status(Fund memory fund) internal view returns (FundStatus) {
        if (block.timestamp < fund.lockExpiry) return fund.frozenAt != 0 ? FundStatus.Frozen : FundStatus.Locked;
        return fund.lockMaximum == 0 ? FundStatus.Inactive : FundStatus.Withdrawing;
    }

    /// Until when tokens flow: not past the lock, nor past a freeze.
    function flowEnd(Fund memory fund) internal view returns (uint40) {
        if (fund.frozenAt != 0) return fund.frozenAt;
        return block.timestamp < fund.lockExpiry ? uint40(block.timestamp) : fund.lockExpiry;
    }
}

library Accounts {
    error VaultInsufficientBalance();

    /// Moves what has flown until `time` into the balances.
    function settle(Account memory account, uint40 time) internal pure {
        uint128 elapsed = time - account.flow.updated;
        account.balance.available -= account.flow.outgoing * elapsed;
        account.balance.designated += account.flow.incoming * elapsed;
        account.flow.updated = time;
    }

    /// Reverts unless what flows out is there for as long as the lock may last. Of a settled account.
    function checkSolvent(Account memory account, uint40 lockMaximum) internal pure {
        uint256 needed = uint256(account.flow.outgoing) * (lockMaximum - account.flow.updated);
        if (needed > account.balance.available) revert VaultInsufficientBalance();
    }

    function spend(Account memory account, uint128 amount) internal pure {
        if (amount > account.balance.available) revert VaultInsufficientBalance();
        account.balance.available -= amount;
    }

    function total(Account memory account) internal pure returns (uint128) {
        return account.balance.available + account.balance.designated;
    }
}
