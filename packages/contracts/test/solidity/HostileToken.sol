// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./TestToken.sol";

/// A token that does what tokens should not: it answers with false or nothing, or calls back in before it has moved anything.
contract HostileToken is TestToken {
    enum Mood {
        Kind,
        Refusing,
        Silent,
        Calling
    }

    Mood public mood;
    address private _target;
    bytes private _call;
    /// What became of the call back in: empty while there was none.
    bool public called;
    bool public succeeded;
    bytes public answer;

    function set(Mood mood_, address target, bytes calldata call_) public {
        mood = mood_;
        _target = target;
        _call = call_;
        called = false;
        succeeded = false;
    }

    /// Calls as this token: it is host or client of the request that it attacks.
    function act(address target, bytes calldata call_) public {
        (bool ok, bytes memory output) = target.call(call_);
        if (!ok) {
            assembly {
                revert(add(output, 0x20), mload(output))
            }
        }
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (!_misbehave()) return false;
        super.transfer(to, value);
        return _end();
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (!_misbehave()) return false;
        super.transferFrom(from, to, value);
        return _end();
    }

    function _misbehave() private returns (bool) {
        if (mood == Mood.Refusing) return false;
        if (mood == Mood.Calling) {
            (succeeded, answer) = _target.call(_call);
            called = true;
        }
        return true;
    }

    function _end() private view returns (bool) {
        if (mood == Mood.Silent) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}
