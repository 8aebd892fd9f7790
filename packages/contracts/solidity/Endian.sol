// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// Bytes read as little-endian numbers.
contract Endian {
    /// Swaps halves, then halves of halves, down to single bytes.
    function _byteSwap(bytes32 input) internal pure returns (bytes32) {
        uint256 v = uint256(input);
        v = (v >> 128) | (v << 128);
        uint256 mask = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
        v = ((v >> 64) & mask) | ((v & mask) << 64);
        mask = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
        v = ((v >> 32) & mask) | ((v & mask) << 32);
        mask = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
        v = ((v >> 16) & mask) | ((v & mask) << 16);
        mask = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
        v = ((v >> 8) & mask) | ((v & mask) << 8);
        return bytes32(v);
    }
}
