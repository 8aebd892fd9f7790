// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./Groth16.sol";

/// Verifies storage proofs: e(−A,B)·e(α,β)·e(IC0 + Σ sᵢ·ICᵢ, γ)·e(C,δ) = 1 (11 §5.5). Whatever is wrong with a proof, the answer is false;
/// only running out of gas reverts. The key lies in the code, where reading costs nothing.
contract Groth16Verifier is IGroth16Verifier {
    /// The base field of BN254, and the order of its groups.
    uint256 private constant P = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    uint256 private immutable _alphaX;
    uint256 private immutable _alphaY;
    uint256 private immutable _betaXReal;
    uint256 private immutable _betaXImag;
    uint256 private immutable _betaYReal;
    uint256 private immutable _betaYImag;
    uint256 private immutable _gammaXReal;
    uint256 private immutable _gammaXImag;
    uint256 private immutable _gammaYReal;
    uint256 private immutable _gammaYImag;
    uint256 private immutable _deltaXReal;
    uint256 private immutable _deltaXImag;
    uint256 private immutable _deltaYReal;
    uint256 private immutable _deltaYImag;
    uint256 private immutable _ic0X;
    uint256 private immutable _ic0Y;
    uint256 private immutable _ic1X;
    uint256 private immutable _ic1Y;
    uint256 private immutable _ic2X;
    uint256 private immutable _ic2Y;
    uint256 private immutable _ic3X;
    uint256 private immutable _ic3Y;

    constructor(VerifyingKey memory key) {
        _alphaX = key.alpha.x;
        _alphaY = key.alpha.y;
        _betaXReal = key.beta.x.real;
        _betaXImag = key.beta.x.imag;
        _betaYReal = key.beta.y.real;
        _betaYImag = key.beta.y.imag;
        _gammaXReal = key.gamma.x.real;
        _gammaXImag = key.gamma.x.imag;
        _gammaYReal = key.gamma.y.real;
        _gammaYImag = key.gamma.y.imag;
        _deltaXReal = key.delta.x.real;
        _deltaXImag = key.delta.x.imag;
        _deltaYReal = key.delta.y.real;
        _deltaYImag = key.delta.y.imag;
        _ic0X = key.ic[0].x;
        _ic0Y = key.ic[0].y;
        _ic1X = key.ic[1].x;
        _ic1Y = key.ic[1].y;
        _ic2X = key.ic[2].x;
        _ic2Y = key.ic[2].y;
        _ic3X = key.ic[3].x;
        _ic3Y = key.ic[3].y;
    }

    function verify(Groth16Proof calldata proof, uint256[] calldata pubSignals) external view returns (bool) {
        if (pubSignals.length != 3) return false;
        // One number has one form: s and s + r would be the same signal to the curve.
        if (pubSignals[0] >= R || pubSignals[1] >= R || pubSignals[2] >= R) return false;
        if (!_isCanonical(proof)) return false;

        bool ok;
        G1Point memory sum = G1Point(_ic0X, _ic0Y);
        (ok, sum) = _addScaled(sum, _ic1X, _ic1Y, pubSignals[0]);
        if (!ok) return false;
        (ok, sum) = _addScaled(sum, _ic2X, _ic2Y, pubSignals[1]);
        if (!ok) return false;
        (ok, sum) = _addScaled(sum, _ic3X, _ic3Y, pubSignals[2]);
        if (!ok) return false;
        return _isOneProduct(proof, sum);
    }

    /// Coordinates below p. The precompiles check that too, but take all gas with them when they fail; and −A needs it.
    function _isCanonical(Groth16Proof calldata proof) private pure returns (bool) {
        return
            proof.a.x < P &&
            proof.a.y < P &&
            proof.b.x.real < P &&
            proof.b.x.imag < P &&
            proof.b.y.real < P &&
            proof.b.y.imag < P &&
            proof.c.x < P &&
            proof.c.y < P;
    }

    /// sum + scalar · (x, y), by the precompiles of EIP-196.
    function _addScaled(
        G1Point memory sum,
        uint256 x,
        uint256 y,
        uint256 scalar
    ) private view returns (bool ok, G1Point memory result) {
        uint256[4] memory words = [x, y, scalar, 0];
        assembly ("memory-safe") {
            ok := staticcall(gas(), 7, words, 0x60, add(words, 0x40), 0x40)
        }
        if (!ok) return (false, result);
        words[0] = sum.x;
        words[1] = sum.y;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 6, words, 0x80, result, 0x40)
        }
    }

    /// The pairing check of EIP-197, which takes the imaginary part first.
    function _isOneProduct(Groth16Proof calldata proof, G1Point memory sum) private view returns (bool) {
        uint256[24] memory words;
        words[0] = proof.a.x;
        words[1] = proof.a.y == 0 ? 0 : P - proof.a.y;
        words[2] = proof.b.x.imag;
        words[3] = proof.b.x.real;
        words[4] = proof.b.y.imag;
        words[5] = proof.b.y.real;
        words[6] = _alphaX;
        words[7] = _alphaY;
        words[8] = _betaXImag;
        words[9] = _betaXReal;
        words[10] = _betaYImag;
        words[11] = _betaYReal;
        words[12] = sum.x;
        words[13] = sum.y;
        words[14] = _gammaXImag;
        words[15] = _gammaXReal;
        words[16] = _gammaYImag;
        words[17] = _gammaYReal;
        words[18] = proof.c.x;
        words[19] = proof.c.y;
        words[20] = _deltaXImag;
        words[21] = _deltaXReal;
        words[22] = _deltaYImag;
        words[23] = _deltaYReal;
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 8, words, 0x300, words, 0x20)
        }
        return ok && words[0] == 1;
    }
}
