// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// Keeps a token, or whoever it calls, from coming back in before a call has ended.
abstract contract ReentrancyGuard {
    error ReentrancyGuardReentrantCall();

    // 1 and 2: neither is 0, so that the word is never bought anew.
    uint256 private _entered = 1;

    modifier nonReentrant() {
        if (_entered == 2) revert ReentrancyGuardReentrantCall();
        _entered = 2;
        _;
        _entered = 1;
    }
}
