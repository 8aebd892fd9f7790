// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "../solidity/Amounts.sol";

/// Statements that the compiler's model checker proves for all numbers, overflows included: test/proved.test.ts.
contract Proved {
    function percentagesFit(uint256 amount, uint8 percent) public pure {
        require(percent <= 100);
        Amounts.percentage(amount, percent);
    }

    function partsFit(uint256 amount, uint8 downtime) public pure {
        Amounts.parts(amount, 256 - uint256(downtime));
    }

    /// With the network's numbers: two slashes of a fifth, of which the validator gets a fifth, leave more than the tenth for the repair.
    function networkIsSolvent(uint256 collateral) public pure {
        uint256 slashed = Amounts.percentage(collateral, 20);
        uint256 reward = Amounts.percentage(slashed, 20);
        assert(reward <= slashed);
        assert(slashed <= collateral / 2);
        uint256 forfeited = 2 * (slashed - reward) + (collateral - 2 * slashed);
        assert(forfeited >= Amounts.percentage(collateral, 10));
        assert(forfeited + 2 * reward == collateral);
    }
}
