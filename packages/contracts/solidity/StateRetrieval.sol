// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./Bytes32Sets.sol";
import "./Requests.sol";

/// What a client or host that lost its memory asks the chain for. The caller is who asks.
contract StateRetrieval {
    using Bytes32Sets for Bytes32Sets.Set;

    mapping(address => Bytes32Sets.Set) private _requestsOf;
    mapping(address => Bytes32Sets.Set) private _slotsOf;

    /// Requests of the caller whose funds it has not withdrawn.
    function myRequests() public view returns (RequestId[] memory ids) {
        bytes32[] memory items = _requestsOf[msg.sender].items;
        assembly ("memory-safe") {
            ids := items
        }
    }

    /// Slots that the caller hosts, and has not been paid for.
    function mySlots() public view returns (SlotId[] memory ids) {
        bytes32[] memory items = _slotsOf[msg.sender].items;
        assembly ("memory-safe") {
            ids := items
        }
    }

    function _addToMyRequests(address client, RequestId requestId) internal {
        _requestsOf[client].add(RequestId.unwrap(requestId));
    }

    function _removeFromMyRequests(address client, RequestId requestId) internal {
        _requestsOf[client].remove(RequestId.unwrap(requestId));
    }

    function _addToMySlots(address host, SlotId slotId) internal {
        _slotsOf[host].add(SlotId.unwrap(slotId));
    }

    function _removeFromMySlots(address host, SlotId slotId) internal {
        _slotsOf[host].remove(SlotId.unwrap(slotId));
    }
}
