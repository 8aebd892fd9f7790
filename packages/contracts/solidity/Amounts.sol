// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// Parts of amounts that may be as large as numbers get. What is said here is proved in forge/Proved.sol.
library Amounts {
    /// ⌊amount · percent / 100⌋, for at most 100 percent.
    function percentage(uint256 amount, uint256 percent) internal pure returns (uint256) {
        return (amount / 100) * percent + ((amount % 100) * percent) / 100;
    }

    /// ⌊amount · parts / 256⌋, for at most 256 parts.
    function parts(uint256 amount, uint256 parts_) internal pure returns (uint256) {
        return (amount / 256) * parts_ + ((amount % 256) * parts_) / 256;
    }
}
