// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./Configuration.sol";
import "./Requests.sol";

/// Who may fill a slot: the first hosts that reserve it, so that not everybody fetches its data.
abstract contract SlotReservations {
    error SlotReservations_ReservationNotAllowed();

    event SlotReservationsFull(RequestId indexed requestId, uint64 slotIndex);

    uint8 private immutable _maxReservations;
    uint8 private immutable _maxSlotsPerHost;
    uint64 private immutable _reservationTimeout;

    /// By slot; ends with a word of 0, or at the maximum. Host in the low 160 bits, the time above them.
    mapping(SlotId => mapping(uint256 => uint256)) private _reservations;
    /// Slots of a request that a host has reserved or hosts; kept only when there is a limit.
    mapping(RequestId => mapping(address => uint256)) private _slotsOfHost;

    constructor(SlotReservationsConfig memory config, MarketplaceRules memory limits) {
        _maxReservations = config.maxReservations;
        _maxSlotsPerHost = limits.maxSlotsPerHost;
        _reservationTimeout = limits.reservationTimeout;
    }

    /// Whether anybody may reserve the slot now, apart from the reservations that there are; `host` only where it matters how near it is.
    function _isReservable(
        RequestId requestId,
        uint64 slotIndex,
        SlotId slotId,
        address host
    ) internal view virtual returns (bool);

    function canReserveSlot(RequestId requestId, uint64 slotIndex) public view returns (bool allowed) {
        (allowed, , ) = _findPlace(requestId, slotIndex, Requests.slotId(requestId, slotIndex));
    }

    function reserveSlot(RequestId requestId, uint64 slotIndex) public {
        SlotId slotId = Requests.slotId(requestId, slotIndex);
        (bool allowed, uint256 place, uint256 evicted) = _findPlace(requestId, slotIndex, slotId);
        if (!allowed) revert SlotReservations_ReservationNotAllowed();
        _reservations[slotId][place] = uint160(msg.sender) | (block.timestamp << 160);
        if (_maxSlotsPerHost != 0) {
            mapping(address => uint256) storage slotsOf = _slotsOfHost[requestId];
            if (evicted != 0) slotsOf[address(uint160(evicted))] -= 1;
            slotsOf[msg.sender] += 1;
        }
        if (evicted == 0 && place + 1 == _maxReservations) emit SlotReservationsFull(requestId, slotIndex);
    }

    /// Where the caller's reservation would go, and which one would give way: the oldest, if there is no room and it is old enough.
    function _findPlace(
        RequestId requestId,
        uint64 slotIndex,
        SlotId slotId
    ) private view returns (bool allowed, uint256 place, uint256 evicted) {
        if (!_isReservable(requestId, slotIndex, slotId, msg.sender)) return (false, 0, 0);
        if (_maxSlotsPerHost != 0 && _slotsOfHost[requestId][msg.sender] >= _maxSlotsPerHost) return (false, 0, 0);
        mapping(uint256 => uint256) storage reservations = _reservations[slotId];
        uint256 count;
        for (; count < _maxReservations; ) {
            uint256 word = reservations[count];
            if (word == 0) return (true, count, 0);
            if (uint160(word) == uint160(msg.sender)) return (false, 0, 0);
            if (evicted == 0 || word >> 160 < evicted >> 160) (evicted, place) = (word, count);
            unchecked {
                count++;
            }
        }
        if (count == 0 || _reservationTimeout == 0) return (false, 0, 0);
        allowed = block.timestamp >= (evicted >> 160) + _reservationTimeout;
    }

    function _hasReservation(SlotId slotId, address host) internal view returns (bool) {
        for (uint256 i = 0; i < _maxReservations; i++) {
            uint256 word = _reservations[slotId][i];
            if (word == 0) return false;
            if (address(uint160(word)) == host) return true;
        }
        return false;
    }

    /// A host fills a slot: all its reservations end.
    function _reservationsEnd(RequestId requestId, SlotId slotId, address host) internal {
        for (uint256 i = 0; i < _maxReservations; i++) {
            uint256 word = _reservations[slotId][i];
            if (word == 0) break;
            delete _reservations[slotId][i];
            address holder = address(uint160(word));
            // The host's own count stays: a slot that it reserved is now one that it hosts.
            if (_maxSlotsPerHost != 0 && holder != host) _slotsOfHost[requestId][holder] -= 1;
        }
    }

    /// A host loses a slot.
    function _slotLeft(RequestId requestId, address host) internal {
        if (_maxSlotsPerHost != 0) _slotsOfHost[requestId][host] -= 1;
    }
}
