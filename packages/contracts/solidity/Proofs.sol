// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./Configuration.sol";
import "./Groth16.sol";
import "./Periods.sol";
import "./Requests.sol";

/// Which slot owes a proof when, which proofs came, and which were missed (12 §6).
abstract contract Proofs is Periods {
    error Proofs_InsufficientBlockHeight();
    error Proofs_InvalidProof();
    error Proofs_ProofAlreadySubmitted();
    error Proofs_PeriodNotEnded();
    error Proofs_ValidationTimedOut();
    error Proofs_ProofNotMissing();
    error Proofs_ProofNotRequired();
    error Proofs_ProofAlreadyMarkedMissing();
    error Proofs_BlockHashMissing();

    event ProofSubmitted(SlotId id);
    /// The event above cannot be searched for by slot; this one can.
    event ProofSubmittedFor(SlotId indexed id, Period indexed period);

    /// A slot between a host's filling it and its becoming free again. What one host sent or missed says nothing about the next.
    struct Filling {
        uint64 number;
        uint64 startedAt;
        uint64 missed;
    }

    /// Blocks whose hashes the chain still knows: the pointer walks over so many.
    uint256 private constant POINTERS = 256;
    /// Two flags for each period: a word holds those of so many.
    uint256 private constant PERIODS_PER_WORD = 128;

    IGroth16Verifier private immutable _verifier;
    uint64 private immutable _timeout;
    uint8 internal immutable _downtime;
    uint8 private immutable _downtimeProduct;

    mapping(SlotId => Filling) private _fillings;
    /// By slot; then by number of the filling and word of periods. Even bits: received; odd bits: missing.
    mapping(SlotId => mapping(uint256 => uint256)) private _flags;

    constructor(ProofConfig memory config, IGroth16Verifier verifier) Periods(config.period) {
        if (block.number <= POINTERS) revert Proofs_InsufficientBlockHeight();
        _verifier = verifier;
        _timeout = config.timeout;
        _downtime = config.downtime;
        _downtimeProduct = config.downtimeProduct;
    }

    function slotState(SlotId slotId) public view virtual returns (SlotState);

    /// One in so many periods asks for a proof, downtime accounted for.
    function slotProbability(SlotId slotId) public view virtual returns (uint256);

    /// Missed proofs since the slot was filled.
    function missingProofs(SlotId slotId) public view returns (uint64) {
        return _fillings[slotId].missed;
    }

    /// Whether the slot must prove itself in this period.
    function isProofRequired(SlotId slotId) public view returns (bool) {
        Period period = _blockPeriod();
        if (slotState(slotId) != SlotState.Filled) return false;
        return _isDemanded(slotId, period) && _pointer(slotId, period) >= _downtime;
    }

    /// Whether it will have to if this period's downtime ends before the period does.
    function willProofBeRequired(SlotId slotId) public view returns (bool) {
        Period period = _blockPeriod();
        if (slotState(slotId) != SlotState.Filled) return false;
        return _isDemanded(slotId, period) && _pointer(slotId, period) < _downtime;
    }

    function getPointer(SlotId slotId) public view returns (uint8) {
        return _pointer(slotId, _blockPeriod());
    }

    function getChallenge(SlotId slotId) public view returns (bytes32) {
        return _challenge(_pointer(slotId, _blockPeriod()));
    }

    function _startedAt(SlotId slotId) internal view returns (uint64) {
        return _fillings[slotId].startedAt;
    }

    function _startFilling(SlotId slotId) internal {
        Filling storage filling = _fillings[slotId];
        filling.number += 1;
        filling.startedAt = uint64(block.timestamp);
    }

    function _endFilling(SlotId slotId) internal {
        Filling storage filling = _fillings[slotId];
        filling.startedAt = 0;
        filling.missed = 0;
    }

    /// Takes a proof for the current period.
    function _proofReceived(SlotId slotId, Groth16Proof calldata proof, uint256[] memory pubSignals) internal {
        Period period = _blockPeriod();
        (uint256 word, uint256 received) = _flagOf(slotId, period);
        uint256 flags = _flags[slotId][word];
        if (flags & received != 0) revert Proofs_ProofAlreadySubmitted();
        if (!_verifier.verify(proof, pubSignals)) revert Proofs_InvalidProof();
        _flags[slotId][word] = flags | received;
        emit ProofSubmitted(slotId);
        emit ProofSubmittedFor(slotId, period);
    }

    /// Reverts unless the proof of a period, which a filled slot owed, is missing and can still be marked.
    function _checkMissing(SlotId slotId, Period period) internal view {
        uint256 end = _periodEnd(period);
        if (end >= block.timestamp) revert Proofs_PeriodNotEnded();
        if (block.timestamp >= end + _timeout) revert Proofs_ValidationTimedOut();
        (uint256 word, uint256 received) = _flagOf(slotId, period);
        uint256 flags = _flags[slotId][word];
        if (flags & received != 0) revert Proofs_ProofNotMissing();
        if (!_isDemanded(slotId, period) || _pointer(slotId, period) < _downtime) revert Proofs_ProofNotRequired();
        if (flags & (received << 1) != 0) revert Proofs_ProofAlreadyMarkedMissing();
    }

    /// Returns how many proofs are missing now, after `_checkMissing`.
    function _markMissing(SlotId slotId, Period period) internal returns (uint64) {
        (uint256 word, uint256 received) = _flagOf(slotId, period);
        _flags[slotId][word] |= received << 1;
        return ++_fillings[slotId].missed;
    }

    /// Whether a filled slot owes a proof of a period, were it not for downtime. None is owed in the period of the filling itself.
    function _isDemanded(SlotId slotId, Period period) private view returns (bool) {
        if (Period.unwrap(period) <= Period.unwrap(_periodOf(_fillings[slotId].startedAt))) return false;
        return uint256(_challenge(_pointer(slotId, period))) % slotProbability(slotId) == 0;
    }

    /// Which block's hash counts. It stays the same block while blocks pass, until the pointer wraps.
    function _pointer(SlotId slotId, Period period) private view returns (uint8) {
        unchecked {
            uint256 moved = uint256(Period.unwrap(period)) * _downtimeProduct;
            return uint8((block.number % POINTERS + moved % POINTERS + uint256(SlotId.unwrap(slotId)) % POINTERS) % POINTERS);
        }
    }

    function _challenge(uint8 pointer) private view returns (bytes32) {
        bytes32 hash = blockhash(block.number - 1 - pointer);
        if (hash == 0) revert Proofs_BlockHashMissing();
        return keccak256(abi.encode(hash));
    }

    /// The word and the bit that say whether the proof of a period was received.
    function _flagOf(SlotId slotId, Period period) private view returns (uint256 word, uint256 received) {
        uint256 number = Period.unwrap(period);
        word = (uint256(_fillings[slotId].number) << 64) | (number / PERIODS_PER_WORD);
        received = 1 << ((number % PERIODS_PER_WORD) * 2);
    }
}
