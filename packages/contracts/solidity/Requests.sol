// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

// The types of the marketplace (12 §1). The order of members is part of the ABI and of the hashes.

type RequestId is bytes32;
type SlotId is bytes32;

struct Ask {
    uint256 proofProbability; // one proof in so many periods
    uint256 pricePerBytePerSecond;
    uint256 collateralPerByte;
    uint64 slots;
    uint64 slotSize; // bytes
    uint64 duration; // seconds
    uint64 maxSlotLoss; // slots that may be lost at a time
}

struct Content {
    bytes cid;
    bytes32 merkleRoot;
}

struct Request {
    address client;
    Ask ask;
    Content content;
    uint64 expiry; // seconds from the request
    bytes32 nonce;
}

enum RequestState {
    New,
    Started,
    Cancelled,
    Finished,
    Failed
}

enum SlotState {
    Free,
    Filled,
    Finished,
    Failed,
    Paid,
    Cancelled,
    Repair
}

struct ActiveSlot {
    Request request;
    uint64 slotIndex;
}

library Requests {
    function id(Request calldata request) internal pure returns (RequestId) {
        return RequestId.wrap(keccak256(abi.encode(request)));
    }

    function slotId(RequestId requestId, uint64 slotIndex) internal pure returns (SlotId) {
        return SlotId.wrap(keccak256(abi.encode(requestId, slotIndex)));
    }
}
