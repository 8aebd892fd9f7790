// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

interface IERC20 {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    function totalSupply() external view returns (uint256);
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function allowance(address owner, address spender) external view returns (uint256);
    function approve(address spender, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// Moves tokens, whether the token answers with true or with nothing. Its own errors pass through.
library Tokens {
    /// Whether the token moved them.
    function trySend(IERC20 token, address to, uint256 amount) internal returns (bool) {
        return _call(token, abi.encodeCall(IERC20.transfer, (to, amount)));
    }

    /// Whether the token moved them.
    function tryTake(IERC20 token, address from, uint256 amount) internal returns (bool) {
        return _call(token, abi.encodeCall(IERC20.transferFrom, (from, address(this), amount)));
    }

    function _call(IERC20 token, bytes memory input) private returns (bool) {
        (bool ok, bytes memory output) = address(token).call(input);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(output, 0x20), mload(output))
            }
        }
        if (output.length == 0) return address(token).code.length > 0;
        return output.length >= 32 && abi.decode(output, (uint256)) == 1;
    }
}
