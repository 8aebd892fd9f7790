// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// An account of the play: calls what it is told to, and looks at what depends on who looks.
contract Puppet {
    function act(address target, bytes calldata data) external returns (bool, bytes memory) {
        return target.call(data);
    }

    function look(address target, bytes calldata data) external view returns (bool, bytes memory) {
        return target.staticcall(data);
    }
}

/// Plays the calls of one block, each by its puppet, and reports after each what can be seen of the marketplace, as one number.
contract Lockstep {
    struct Act {
        uint256 actor;
        address target;
        bytes data;
    }

    /// What came of one call; the events before it are the call's own. Nothing is seen after a call that failed: it changed nothing.
    event Acted(bool ok, bytes4 selector, uint256 seen);
    /// What can be seen before the first call: what time has done.
    event Seen(uint256 seen);

    /// A word that stands for an error: none of the words that views give is so large.
    uint256 private constant FAILED = 1 << 255;
    /// An odd number: a difference in any word reaches the end.
    uint256 private constant FACTOR = 0xd1342543de82ef95a0761d6478bd642fe7037ed1a0b428dba24baed4963ee407;

    address private immutable _market;
    address private immutable _token;
    Puppet[] private _puppets;
    bytes32[] private _requests;
    mapping(bytes32 => uint256) private _slots;

    constructor(address market, address token, uint256 count) {
        _market = market;
        _token = token;
        for (uint256 i = 0; i < count; i++) _puppets.push(new Puppet());
    }

    function puppets() external view returns (Puppet[] memory) {
        return _puppets;
    }

    /// From now on this request is looked at. What the market keeps of it must be all of it: the id is the hash of just that.
    function watch(bytes32 requestId, uint256 slots) external {
        (bool ok, bytes memory request) = _market.staticcall(abi.encodeWithSignature("getRequest(bytes32)", requestId));
        require(ok && keccak256(request) == requestId, "another request");
        _requests.push(requestId);
        _slots[requestId] = slots;
    }

    /// The request at this place is looked at no more; the last takes its place.
    function forget(uint256 place) external {
        _requests[place] = _requests[_requests.length - 1];
        _requests.pop();
    }

    function hashes(uint256 first, uint256 count) external view returns (bytes32[] memory found) {
        found = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) found[i] = blockhash(first + i);
    }

    function run(uint256 looker, Act[] calldata acts) external {
        emit Seen(_fold(seen(looker)));
        for (uint256 i = 0; i < acts.length; i++) {
            Act calldata call = acts[i];
            (bool ok, bytes memory output) = _puppets[call.actor].act(call.target, call.data);
            bytes4 selector = ok ? bytes4(0) : bytes4(output);
            emit Acted(ok, selector, ok ? _fold(seen(call.actor)) : 0);
        }
    }

    /// Everything that can be seen, one word each.
    function seen(uint256 looker) public view returns (uint256[] memory words) {
        uint256 most = 2 * _puppets.length + 8;
        for (uint256 i = 0; i < _requests.length; i++) most += 3 + 10 * _slots[_requests[i]];
        words = new uint256[](most);
        uint256 end;
        words[end++] = uint256(uint160(address(_puppets[looker])));
        words[end++] = _get(_token, bytes4(keccak256("balanceOf(address)")), bytes32(uint256(uint160(_market))));
        words[end++] = _get(_token, bytes4(keccak256("totalSupply()")), 0);
        for (uint256 i = 0; i < _puppets.length; i++) {
            words[end++] = _get(_token, bytes4(keccak256("balanceOf(address)")), bytes32(uint256(uint160(address(_puppets[i])))));
        }
        words[end++] = _sum(looker, "myRequests()");
        words[end++] = _sum(looker, "mySlots()");
        for (uint256 i = 0; i < _requests.length; i++) {
            bytes32 requestId = _requests[i];
            words[end++] = _get(_market, bytes4(keccak256("requestState(bytes32)")), requestId);
            words[end++] = _get(_market, bytes4(keccak256("requestEnd(bytes32)")), requestId);
            words[end++] = _get(_market, bytes4(keccak256("requestExpiry(bytes32)")), requestId);
            uint256 slots = _slots[requestId];
            for (uint256 index = 0; index < slots; index++) {
                end = _lookAtSlot(words, end, looker, requestId, index);
            }
        }
        assembly ("memory-safe") {
            mstore(words, end)
        }
    }

    function _lookAtSlot(
        uint256[] memory words,
        uint256 end,
        uint256 looker,
        bytes32 requestId,
        uint256 index
    ) private view returns (uint256) {
        bytes32 slotId = keccak256(abi.encode(requestId, index));
        uint256 state = _get(_market, bytes4(keccak256("slotState(bytes32)")), slotId);
        words[end++] = state;
        words[end++] = _get(_market, bytes4(keccak256("getHost(bytes32)")), slotId);
        words[end++] = _get(_market, bytes4(keccak256("currentCollateral(bytes32)")), slotId);
        words[end++] = _get(_market, bytes4(keccak256("missingProofs(bytes32)")), slotId);
        words[end++] = _get(_market, bytes4(keccak256("getPointer(bytes32)")), slotId);
        if (state == 1) {
            words[end++] = _get(_market, bytes4(keccak256("getChallenge(bytes32)")), slotId);
            words[end++] = _get(_market, bytes4(keccak256("isProofRequired(bytes32)")), slotId);
            words[end++] = _get(_market, bytes4(keccak256("willProofBeRequired(bytes32)")), slotId);
            words[end++] = _get(_market, bytes4(keccak256("slotProbability(bytes32)")), slotId);
        } else {
            bytes memory data = abi.encodeWithSignature("canReserveSlot(bytes32,uint64)", requestId, index);
            words[end++] = _word(_looked(looker, data));
        }
        return end;
    }

    /// The word that a view gives, or what its error is.
    function _get(address target, bytes4 selector, bytes32 argument) private view returns (uint256 word) {
        uint256 failed = FAILED;
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, argument)
            let ok := staticcall(gas(), target, 0, 36, 0, 32)
            word := mload(0)
            if iszero(ok) {
                word := or(failed, shr(224, word))
            }
        }
    }

    /// The sum of the ids in a list, and how many they are: the order of a list is nobody's business.
    function _sum(uint256 looker, string memory signature) private view returns (uint256 sum) {
        bytes32[] memory ids = abi.decode(_looked(looker, abi.encodeWithSignature(signature)), (bytes32[]));
        unchecked {
            for (uint256 i = 0; i < ids.length; i++) sum += uint256(ids[i]) | 1;
        }
    }

    function _looked(uint256 looker, bytes memory data) private view returns (bytes memory) {
        (bool ok, bytes memory output) = _puppets[looker].look(_market, data);
        require(ok, "a view that never fails");
        return output;
    }

    function _word(bytes memory output) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(output, 0x20))
        }
    }

    function _fold(uint256[] memory words) private pure returns (uint256 folded) {
        unchecked {
            for (uint256 i = 0; i < words.length; i++) folded = (folded ^ words[i]) * FACTOR;
        }
    }
}
