// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// The calls of forge that these tests need.
interface Cheats {
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function prank(address sender) external;
    function assume(bool condition) external pure;
    function setBlockhash(uint256 number, bytes32 hash) external;
    function expectRevert(bytes4 selector) external;
}

abstract contract Test {
    Cheats internal constant vm = Cheats(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function _within(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + (value % (most - least + 1));
    }
}
