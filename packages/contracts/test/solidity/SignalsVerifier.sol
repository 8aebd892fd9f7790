// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./Groth16.sol";

/// Stands for a circuit: a proof holds when it names the signals that it is checked against.
contract SignalsVerifier is IGroth16Verifier {
    function verify(Groth16Proof calldata proof, uint256[] calldata pubSignals) external pure returns (bool) {
        return
            pubSignals.length == 3 &&
            proof.a.x == pubSignals[0] &&
            proof.a.y == pubSignals[1] &&
            proof.c.x == pubSignals[2];
    }
}
