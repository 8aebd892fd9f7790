// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "../solidity/TestMarketplace.sol";
import "../solidity/TestToken.sol";
import "./Cheats.sol";

/// Plays all parts: forge calls its functions at random, and it makes of them calls that mostly make sense. What is refused changes nothing.
contract Handler is Test {
    uint256 public constant REQUESTS_MAX = 4;
    uint256 private constant ACTORS = 6;

    TestMarketplace public immutable market;
    TestToken public immutable token;
    RequestId[] public requests;
    mapping(bytes32 => uint8) public seenRequest;
    mapping(bytes32 => uint8) public seenSlot;
    /// Set when a state changed in a way that it must not, and never unset.
    string public wrong;
    uint256 public fills;
    uint256 public marks;
    uint256 public payouts;
    Groth16Proof private _proof;

    constructor(TestMarketplace market_, TestToken token_) {
        market = market_;
        token = token_;
        _proof.a.x = 1;
        for (uint256 i = 0; i < ACTORS; i++) {
            token.mint(actor(i), 1e30);
            vm.prank(actor(i));
            token.approve(address(market), type(uint256).max);
        }
    }

    function actor(uint256 seed) public pure returns (address) {
        return address(uint160(0xA000 + (seed % ACTORS)));
    }

    function request(uint256 who, uint256 slots, uint256 loss, uint256 size, uint256 nonce) public watched {
        if (requests.length == REQUESTS_MAX) return;
        Request memory asked;
        asked.client = actor(who);
        asked.ask = Ask(_within(nonce, 1, 2), 3, 7, uint64(_within(slots, 1, 3)), uint64(_within(size, 1, 1000)), 400, 0);
        asked.ask.maxSlotLoss = uint64(loss % (asked.ask.slots + 1));
        asked.content.cid = hex"01";
        asked.expiry = 100;
        asked.nonce = bytes32(requests.length);
        vm.prank(asked.client);
        market.requestStorage(asked);
        requests.push(RequestId.wrap(keccak256(abi.encode(asked))));
    }

    function fill(uint256 which, uint256 index, uint256 who) public watched {
        if (requests.length == 0) return;
        (RequestId id, uint64 slot) = _slot(which, index);
        vm.prank(actor(who));
        try market.reserveSlot(id, slot) {} catch {}
        vm.prank(actor(who));
        try market.fillSlot(id, slot, _proof) {
            fills++;
        } catch {}
    }

    function prove(uint256 which, uint256 index) public watched {
        if (requests.length == 0) return;
        SlotId slotId = _slotId(which, index);
        vm.prank(market.getHost(slotId));
        try market.submitProof(slotId, _proof) {} catch {}
    }

    function mark(uint256 which, uint256 index, uint256 who, uint256 back) public watched {
        if (requests.length == 0) return;
        SlotId slotId = _slotId(which, index);
        Period period = Period.wrap(uint64(block.timestamp / 10 - (back % 3)));
        uint64 before = market.missingProofs(slotId);
        vm.prank(actor(who));
        try market.markProofAsMissing(slotId, period) {
            marks++;
            if ((uint256(Period.unwrap(period)) + 1) * 10 >= block.timestamp) wrong = "marked before the end of the period";
            uint64 afterwards = market.missingProofs(slotId);
            if (afterwards != before + 1 && market.slotState(slotId) == SlotState.Filled) wrong = "misses are not counted";
        } catch {}
    }

    function free(uint256 which, uint256 index, uint256 seed) public watched {
        // Mostly at the end: who gives up all the time never gets there.
        if (requests.length == 0 || seed % 4 != 0) return;
        _free(_slotId(which, index));
    }

    function withdraw(uint256 which) public watched {
        if (requests.length == 0) return;
        _withdraw(requests[which % requests.length]);
    }

    function pass(uint256 seconds_, uint256 blocks) public watched {
        vm.warp(block.timestamp + _within(seconds_, 1, 15));
        vm.roll(block.number + _within(blocks, 1, 40));
    }

    /// Everything ends, and everybody takes what is theirs.
    function end() public {
        vm.warp(block.timestamp + 1000);
        for (uint256 i = 0; i < requests.length; i++) {
            for (uint256 index = 0; index < 3; index++) _free(_slotId(i, index));
            _withdraw(requests[i]);
        }
    }

    function count() public view returns (uint256) {
        return requests.length;
    }

    function _free(SlotId slotId) private {
        vm.prank(market.getHost(slotId));
        try market.freeSlot(slotId) {
            if (market.slotState(slotId) == SlotState.Paid) payouts++;
        } catch {}
    }

    function _withdraw(RequestId id) private {
        vm.prank(market.getRequest(id).client);
        try market.withdrawFunds(id) {} catch {}
    }

    function _slot(uint256 which, uint256 index) private view returns (RequestId, uint64) {
        return (requests[which % requests.length], uint64(index % 3));
    }

    function _slotId(uint256 which, uint256 index) private view returns (SlotId) {
        (RequestId id, uint64 slot) = _slot(which, index);
        return Requests.slotId(id, slot);
    }

    /// Looks at every state after every call: only what 12 §9 allows may have changed.
    modifier watched() {
        _;
        for (uint256 i = 0; i < requests.length; i++) {
            RequestId id = requests[i];
            uint8 now_ = uint8(market.requestState(id));
            uint8 before = seenRequest[RequestId.unwrap(id)];
            if (!_requestMay(before, now_)) wrong = "a request went from a state to one that does not follow";
            seenRequest[RequestId.unwrap(id)] = now_;
            for (uint64 index = 0; index < 3; index++) {
                SlotId slotId = Requests.slotId(id, index);
                uint8 slotNow = uint8(market.slotState(slotId));
                uint8 slotBefore = seenSlot[SlotId.unwrap(slotId)];
                if (!_slotMay(slotBefore, slotNow)) wrong = "a slot went from a state to one that does not follow";
                seenSlot[SlotId.unwrap(slotId)] = slotNow;
            }
        }
    }

    function _requestMay(uint8 from, uint8 to) private pure returns (bool) {
        if (from == to) return true;
        if (from == uint8(RequestState.New)) return to == uint8(RequestState.Started) || to == uint8(RequestState.Cancelled);
        return from == uint8(RequestState.Started) && (to == uint8(RequestState.Finished) || to == uint8(RequestState.Failed));
    }

    function _slotMay(uint8 from, uint8 to) private pure returns (bool) {
        if (from == to) return true;
        if (from == uint8(SlotState.Paid)) return false;
        if (to == uint8(SlotState.Paid)) return from != uint8(SlotState.Free) && from != uint8(SlotState.Repair) && from != uint8(SlotState.Filled);
        if (to == uint8(SlotState.Filled)) return from == uint8(SlotState.Free) || from == uint8(SlotState.Repair);
        if (to == uint8(SlotState.Repair)) return from == uint8(SlotState.Filled);
        // With the request: a filled or repairable slot becomes what it became.
        return from == uint8(SlotState.Filled) || from == uint8(SlotState.Repair);
    }
}
