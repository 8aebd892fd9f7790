// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// The expanding window (17 §6): hosts near a slot may reserve it first, and at the end of the expiry all may. With h = 1/5 of the network
/// eligible at half-time, s = 2·ln((1−h)/h) = ln 16, so that F(x) = (16^x − 1) / 15. All numbers are binary fractions of 64 bits.
library Window {
    uint256 private constant ONE = 1 << 64;

    /// Whether a host may reserve a slot `elapsed` seconds after its request, of `span` seconds until expiry.
    function isOpen(address host, bytes32 slotId, uint256 elapsed, uint256 span) internal pure returns (bool) {
        if (elapsed >= span) return true;
        uint256 distance = uint256(keccak256(abi.encode(host))) ^ uint256(slotId);
        return distance >> 192 < share((elapsed << 64) / span);
    }

    /// F(x): the share of the network that is eligible at x of the time, rounded down.
    function share(uint256 x) internal pure returns (uint256) {
        return (_powerOf2(4 * x) - ONE) / 15;
    }

    /// 2^y: whole part by a shift, the fraction bit by bit with the roots 2^(1/2), 2^(1/4) … 2^(1/65536).
    function _powerOf2(uint256 y) private pure returns (uint256 power) {
        uint64[16] memory roots = [
            0x6a09e667f3bcc908,
            0x306fe0a31b7152de,
            0x172b83c7d517adcd,
            0x0b5586cf9890f629,
            0x059b0d31585743ae,
            0x02c9a3e778060ee6,
            0x0163da9fb33356d8,
            0x00b1afa5abcbed61,
            0x0058c86da1c09ea1,
            0x002c605e2e8cec50,
            0x00162f3904051fa1,
            0x000b175effdc76ba,
            0x00058ba01fb9f96d,
            0x0002c5cc37da9491,
            0x000162e525ee0547,
            0x0000b17255775c04
        ];
        power = ONE;
        for (uint256 i = 0; i < 16; i++) {
            if ((y >> (63 - i)) & 1 == 1) power = (power * (ONE + roots[i])) >> 64;
        }
        return power << (y >> 64);
    }
}
