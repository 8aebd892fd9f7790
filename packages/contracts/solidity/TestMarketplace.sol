// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./Marketplace.sol";

/// The marketplace with its inside shown, for tests.
contract TestMarketplace is Marketplace {
    constructor(
        MarketplaceConfig memory config,
        IERC20 erc20,
        IGroth16Verifier verifier,
        MarketplaceRules memory limits
    ) Marketplace(config, erc20, verifier, limits) {}

    function forciblyFreeSlot(SlotId slotId) public {
        _free(slotId);
    }

    function getSlotCollateral(SlotId slotId) public view returns (uint256) {
        return _slots[slotId].currentCollateral;
    }

    function challengeToFieldElement(bytes32 challenge) public pure returns (uint256) {
        return _challengeToFieldElement(challenge);
    }

    function merkleRootToFieldElement(bytes32 merkleRoot) public pure returns (uint256) {
        return _merkleRootToFieldElement(merkleRoot);
    }
}
