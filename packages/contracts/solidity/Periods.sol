// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

type Period is uint64;

/// Time in periods: each slot owes at most one proof in each.
contract Periods {
    error Periods_InvalidSecondsPerPeriod();

    uint64 internal immutable _secondsPerPeriod;

    constructor(uint64 secondsPerPeriod) {
        if (secondsPerPeriod == 0) revert Periods_InvalidSecondsPerPeriod();
        _secondsPerPeriod = secondsPerPeriod;
    }

    function _periodOf(uint64 timestamp) internal view returns (Period) {
        return Period.wrap(timestamp / _secondsPerPeriod);
    }

    function _blockPeriod() internal view returns (Period) {
        return _periodOf(uint64(block.timestamp));
    }

    /// The first second after a period. In 256 bits, so that no period overflows it.
    function _periodEnd(Period period) internal view returns (uint256) {
        return (uint256(Period.unwrap(period)) + 1) * _secondsPerPeriod;
    }
}
