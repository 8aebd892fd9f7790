// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

struct G1Point {
    uint256 x;
    uint256 y;
}

struct Fp2Element {
    uint256 real;
    uint256 imag;
}

struct G2Point {
    Fp2Element x;
    Fp2Element y;
}

/// A proof as it goes over the wire (11 §5.4).
struct Groth16Proof {
    G1Point a;
    G2Point b;
    G1Point c;
}

/// The key of a circuit with three public signals.
struct VerifyingKey {
    G1Point alpha;
    G2Point beta;
    G2Point gamma;
    G2Point delta;
    G1Point[4] ic;
}

interface IGroth16Verifier {
    function verify(Groth16Proof calldata proof, uint256[] calldata pubSignals) external view returns (bool);
}
