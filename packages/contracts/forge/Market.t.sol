// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "../solidity/TestVerifier.sol";
import "./Handler.sol";

/// The invariants of 12 §9, after every call of random lives.
contract MarketTest is Test {
    TestMarketplace private market;
    TestToken private token;
    Handler private handler;

    function setUp() public {
        vm.roll(1000);
        vm.warp(1_800_000_000);
        token = new TestToken();
        MarketplaceConfig memory config = MarketplaceConfig(
            CollateralConfig(10, 2, 20, 20),
            ProofConfig(10, 5, 64, 67, ""),
            SlotReservationsConfig(20),
            2592000
        );
        market = new TestMarketplace(config, token, new TestVerifier(), MarketplaceRules(0, 600, false));
        handler = new Handler(market, token);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// Filling and time passing are called more often: otherwise few requests would start.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = Handler.request.selector;
        selectors[1] = Handler.fill.selector;
        selectors[2] = Handler.fill.selector;
        selectors[3] = Handler.fill.selector;
        selectors[4] = Handler.prove.selector;
        selectors[5] = Handler.mark.selector;
        selectors[6] = Handler.mark.selector;
        selectors[7] = Handler.free.selector;
        selectors[8] = Handler.withdraw.selector;
        selectors[9] = Handler.pass.selector;
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_statesFollowEachOther() public view {
        require(bytes(handler.wrong()).length == 0, handler.wrong());
    }

    function invariant_tokensAreNeitherMadeNorLost() public view {
        uint256 sum = token.balanceOf(address(market));
        for (uint256 i = 0; i < 6; i++) sum += token.balanceOf(handler.actor(i));
        assert(sum == token.totalSupply());
    }

    function invariant_slotsBelongToTheirRequests() public view {
        uint256 collateral;
        for (uint256 i = 0; i < handler.count(); i++) {
            RequestId id = handler.requests(i);
            Request memory request = market.getRequest(id);
            RequestState state = market.requestState(id);
            uint64 filled;
            for (uint64 index = 0; index < request.ask.slots; index++) {
                SlotId slotId = Requests.slotId(id, index);
                SlotState slot = market.slotState(slotId);
                if (slot == SlotState.Filled) filled++;
                if (slot != SlotState.Paid) collateral += market.currentCollateral(slotId);
                if (slot == SlotState.Cancelled) assert(state == RequestState.Cancelled);
                if (slot == SlotState.Finished) assert(state == RequestState.Finished);
                if (slot == SlotState.Failed) assert(state == RequestState.Failed);
                if (slot == SlotState.Paid) assert(state != RequestState.New && state != RequestState.Started);
                if (state == RequestState.Failed) assert(slot != SlotState.Filled && slot != SlotState.Repair);
            }
            if (state == RequestState.Started) assert(request.ask.slots - filled <= request.ask.maxSlotLoss);
            if (state == RequestState.Cancelled) assert(market.requestExpiry(id) < block.timestamp);
            if (state == RequestState.Failed) assert(market.requestEnd(id) < block.timestamp);
        }
        // Whatever else is owed, every host's collateral is there.
        assert(token.balanceOf(address(market)) >= collateral);
    }

    function afterInvariant() public {
        handler.end();
        require(token.balanceOf(address(market)) == 0, "tokens stayed behind");
    }
}
