// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./Amounts.sol";
import "./Configuration.sol";
import "./Endian.sol";
import "./Groth16.sol";
import "./Proofs.sol";
import "./ReentrancyGuard.sol";
import "./Requests.sol";
import "./SlotReservations.sol";
import "./StateRetrieval.sol";
import "./Tokens.sol";
import "./Window.sol";

/// Holds the money of storage requests: the client's price, paid up front, and the hosts' collateral. Hosts are paid for the time they
/// store, misses cost them, lost slots are filled again, and no token stays behind (12 §3–§5).
contract Marketplace is SlotReservations, Proofs, StateRetrieval, Endian, ReentrancyGuard {
    using Tokens for IERC20;

    error Marketplace_RepairRewardPercentageTooHigh();
    error Marketplace_SlashPercentageTooHigh();
    error Marketplace_ValidatorRewardPercentageTooHigh();
    error Marketplace_MaximumSlashingTooHigh();
    error Marketplace_InsolventConfiguration();
    error Marketplace_InvalidExpiry();
    error Marketplace_InvalidMaxSlotLoss();
    error Marketplace_InsufficientSlots();
    error Marketplace_InsufficientDuration();
    error Marketplace_InsufficientProofProbability();
    error Marketplace_InsufficientCollateral();
    error Marketplace_InsufficientReward();
    error Marketplace_InvalidClientAddress();
    error Marketplace_RequestAlreadyExists();
    error Marketplace_InvalidSlot();
    error Marketplace_InvalidCid();
    error Marketplace_SlotNotFree();
    error Marketplace_InvalidSlotHost();
    error Marketplace_AlreadyPaid();
    error Marketplace_TransferFailed();
    error Marketplace_UnknownRequest();
    error Marketplace_InvalidState();
    error Marketplace_StartNotBeforeExpiry();
    error Marketplace_SlotNotAcceptingProofs();
    error Marketplace_ProofNotSubmittedByHost();
    error Marketplace_SlotIsFree();
    error Marketplace_ReservationRequired();
    error Marketplace_NothingToWithdraw();
    error Marketplace_DurationExceedsLimit();
    error Marketplace_ValidatorIsHost();
    error Marketplace_PriceOverflow();

    /// `expiry` is a point in time here.
    event StorageRequested(RequestId requestId, Ask ask, uint64 expiry);
    /// The event above cannot be searched for by client; this one can.
    event StorageRequestedBy(RequestId indexed requestId, address indexed client, uint64 expiry);
    event RequestFulfilled(RequestId indexed requestId);
    event RequestFailed(RequestId indexed requestId);
    event RequestCancelled(RequestId indexed requestId);
    event SlotFilled(RequestId indexed requestId, uint64 slotIndex);
    event SlotFreed(RequestId indexed requestId, uint64 slotIndex);

    /// A request as it is kept: the same members, packed into fewer words.
    struct Agreement {
        address client;
        uint64 expiry;
        uint256 proofProbability;
        uint256 pricePerBytePerSecond;
        uint256 collateralPerByte;
        uint64 slots;
        uint64 slotSize;
        uint64 duration;
        uint64 maxSlotLoss;
        bytes32 merkleRoot;
        bytes32 nonce;
        bytes cid;
    }

    /// What became of a request. All but the last two members share a word.
    struct RequestContext {
        RequestState state; // as of the last call; `requestState` adds what time has done since
        bool withdrawn;
        uint64 slotsFilled;
        uint64 endsAt;
        uint64 expiresAt; // 0: no such request
        uint48 slots; // as in the agreement, to spare a read; 0 if it does not fit
        uint256 fundsToReturn;
        uint256 forfeited; // collateral that hosts lost: pays for repairs, the rest is the client's
    }

    struct Slot {
        address host;
        SlotState state;
        uint64 slotIndex;
        RequestId requestId; // 0: never filled
        uint256 currentCollateral;
    }

    IERC20 private immutable _token;
    uint64 private immutable _requestDurationLimit;
    uint8 private immutable _repairRewardPercentage;
    uint8 private immutable _maxNumberOfSlashes;
    uint8 private immutable _slashPercentage;
    uint8 private immutable _validatorRewardPercentage;
    bool private immutable _expandingWindow;

    MarketplaceConfig private _configuration;
    MarketplaceRules private _rules;
    mapping(RequestId => Agreement) private _agreements;
    mapping(RequestId => RequestContext) private _contexts;
    mapping(SlotId => Slot) internal _slots;

    constructor(
        MarketplaceConfig memory config,
        IERC20 erc20,
        IGroth16Verifier verifier,
        MarketplaceRules memory limits
    ) SlotReservations(config.reservations, limits) Proofs(config.proofs, verifier) {
        CollateralConfig memory collateral = config.collateral;
        uint256 slashes = collateral.maxNumberOfSlashes == 0 ? 1 : collateral.maxNumberOfSlashes;
        uint256 slashed = slashes * collateral.slashPercentage;
        if (collateral.repairRewardPercentage > 100) revert Marketplace_RepairRewardPercentageTooHigh();
        if (collateral.slashPercentage > 100) revert Marketplace_SlashPercentageTooHigh();
        if (collateral.validatorRewardPercentage > 100) revert Marketplace_ValidatorRewardPercentageTooHigh();
        if (slashed > 100) revert Marketplace_MaximumSlashingTooHigh();
        // What validators take of a lost slot's collateral must leave enough to reward the repair.
        if (slashed * collateral.validatorRewardPercentage + 100 * uint256(collateral.repairRewardPercentage) > 10000) {
            revert Marketplace_InsolventConfiguration();
        }
        _token = erc20;
        _requestDurationLimit = config.requestDurationLimit;
        _repairRewardPercentage = collateral.repairRewardPercentage;
        _maxNumberOfSlashes = collateral.maxNumberOfSlashes;
        _slashPercentage = collateral.slashPercentage;
        _validatorRewardPercentage = collateral.validatorRewardPercentage;
        _expandingWindow = limits.expandingWindow;
        _configuration = config;
        _rules = limits;
    }

    // Views

    function configuration() public view returns (MarketplaceConfig memory) {
        return _configuration;
    }

    function rules() public view returns (MarketplaceRules memory) {
        return _rules;
    }

    function token() public view returns (IERC20) {
        return _token;
    }

    function requestState(RequestId requestId) public view returns (RequestState) {
        return _stateOf(_knownContext(requestId));
    }

    function slotState(SlotId slotId) public view override returns (SlotState) {
        Slot storage slot = _slots[slotId];
        SlotState state = slot.state;
        if (state == SlotState.Free || state == SlotState.Paid) return state;
        RequestState outcome = _stateOf(_contexts[slot.requestId]);
        if (outcome == RequestState.Cancelled) return SlotState.Cancelled;
        if (outcome == RequestState.Finished) return SlotState.Finished;
        if (outcome == RequestState.Failed) return SlotState.Failed;
        return state;
    }

    function slotProbability(SlotId slotId) public view override returns (uint256) {
        uint256 asked = _agreements[_slots[slotId].requestId].proofProbability;
        uint256 probability = Amounts.parts(asked, 256 - uint256(_downtime));
        return probability == 0 ? 1 : probability;
    }

    function requestEnd(RequestId requestId) public view returns (uint64) {
        RequestContext storage context = _knownContext(requestId);
        RequestState state = _stateOf(context);
        if (state == RequestState.New || state == RequestState.Started) return context.endsAt;
        if (state == RequestState.Cancelled) return context.expiresAt;
        return context.endsAt < block.timestamp ? context.endsAt : uint64(block.timestamp);
    }

    function requestExpiry(RequestId requestId) public view returns (uint64) {
        return _contexts[requestId].expiresAt;
    }

    function getRequest(RequestId requestId) public view returns (Request memory) {
        _knownContext(requestId);
        Agreement storage agreement = _agreements[requestId];
        return
            Request({
                client: agreement.client,
                ask: Ask({
                    proofProbability: agreement.proofProbability,
                    pricePerBytePerSecond: agreement.pricePerBytePerSecond,
                    collateralPerByte: agreement.collateralPerByte,
                    slots: agreement.slots,
                    slotSize: agreement.slotSize,
                    duration: agreement.duration,
                    maxSlotLoss: agreement.maxSlotLoss
                }),
                content: Content({cid: agreement.cid, merkleRoot: agreement.merkleRoot}),
                expiry: agreement.expiry,
                nonce: agreement.nonce
            });
    }

    function getActiveSlot(SlotId slotId) public view returns (ActiveSlot memory) {
        Slot storage slot = _slots[slotId];
        if (slot.state == SlotState.Free) revert Marketplace_SlotIsFree();
        return ActiveSlot({request: getRequest(slot.requestId), slotIndex: slot.slotIndex});
    }

    function getHost(SlotId slotId) public view returns (address) {
        return _slots[slotId].host;
    }

    function currentCollateral(SlotId slotId) public view returns (uint256) {
        return _slots[slotId].currentCollateral;
    }

    /// Reverts with what stands against it; returns nothing.
    function canMarkProofAsMissing(SlotId slotId, Period period) public view {
        if (slotState(slotId) != SlotState.Filled) revert Marketplace_SlotNotAcceptingProofs();
        // A host that reported itself would get back part of what it loses.
        if (_slots[slotId].host == msg.sender) revert Marketplace_ValidatorIsHost();
        _checkMissing(slotId, period);
    }

    // Operations. Each writes all state before tokens move; events stay in the order of 12 §5.

    /// Asks for storage, and pays for all of it.
    function requestStorage(Request calldata request) public nonReentrant {
        RequestId id = Requests.id(request);
        RequestContext storage context = _contexts[id];
        if (request.client != msg.sender) revert Marketplace_InvalidClientAddress();
        if (context.expiresAt != 0) revert Marketplace_RequestAlreadyExists();
        uint256 price = _checkedPrice(request);

        uint64 expiresAt = uint64(block.timestamp) + request.expiry;
        context.endsAt = uint64(block.timestamp) + request.ask.duration;
        context.expiresAt = expiresAt;
        if (request.ask.slots <= type(uint48).max) context.slots = uint48(request.ask.slots);
        context.fundsToReturn = price;
        _keep(_agreements[id], request);
        _addToMyRequests(request.client, id);

        _take(price);
        emit StorageRequested(id, request.ask, expiresAt);
        emit StorageRequestedBy(id, request.client, expiresAt);
    }

    /// Takes a slot that the caller has reserved, with a first proof and the collateral.
    function fillSlot(RequestId requestId, uint64 slotIndex, Groth16Proof calldata proof) public nonReentrant {
        RequestContext storage context = _knownContext(requestId);
        Agreement storage agreement = _agreements[requestId];
        if (slotIndex >= agreement.slots) revert Marketplace_InvalidSlot();
        SlotId slotId = Requests.slotId(requestId, slotIndex);
        if (!_hasReservation(slotId, msg.sender)) revert Marketplace_ReservationRequired();
        SlotState state = slotState(slotId);
        if (state != SlotState.Free && state != SlotState.Repair) revert Marketplace_SlotNotFree();
        _checkFillable(context);

        _reservationsEnd(requestId, slotId, msg.sender);
        _startFilling(slotId);
        _proofReceived(slotId, proof, _signals(slotId, slotIndex, agreement));

        uint256 collateral = agreement.collateralPerByte * agreement.slotSize;
        uint256 due = collateral;
        if (state == SlotState.Repair) {
            uint256 reward = Amounts.percentage(collateral, _repairRewardPercentage);
            context.forfeited -= reward;
            due -= reward;
        }
        _slots[slotId] = Slot({
            host: msg.sender,
            state: SlotState.Filled,
            slotIndex: slotIndex,
            requestId: requestId,
            currentCollateral: collateral
        });
        context.fundsToReturn -= _payout(agreement, block.timestamp, context.endsAt);
        _addToMySlots(msg.sender, slotId);
        bool fulfilled = ++context.slotsFilled == agreement.slots && context.state == RequestState.New;
        if (fulfilled) context.state = RequestState.Started;

        _take(due);
        emit SlotFilled(requestId, slotIndex);
        if (fulfilled) emit RequestFulfilled(requestId);
    }

    /// Proves that the slot is stored, once in a period.
    function submitProof(SlotId slotId, Groth16Proof calldata proof) public {
        Slot storage slot = _slots[slotId];
        if (slot.host != msg.sender) revert Marketplace_ProofNotSubmittedByHost();
        if (slotState(slotId) != SlotState.Filled) revert Marketplace_SlotNotAcceptingProofs();
        _proofReceived(slotId, proof, _signals(slotId, slot.slotIndex, _agreements[slot.requestId]));
    }

    /// Reports a missed proof. The host is slashed, the caller gets a share; too many misses free the slot.
    function markProofAsMissing(SlotId slotId, Period period) public nonReentrant {
        canMarkProofAsMissing(slotId, period);
        uint64 missed = _markMissing(slotId, period);

        Slot storage slot = _slots[slotId];
        RequestId requestId = slot.requestId;
        uint64 slotIndex = slot.slotIndex;
        Agreement storage agreement = _agreements[requestId];
        uint256 slashed = Amounts.percentage(agreement.collateralPerByte * agreement.slotSize, _slashPercentage);
        uint256 reward = Amounts.percentage(slashed, _validatorRewardPercentage);
        slot.currentCollateral -= slashed;
        _contexts[requestId].forfeited += slashed - reward;
        bool freed = missed >= _maxNumberOfSlashes;
        bool failed = freed && _free(slotId);

        _send(msg.sender, reward);
        if (freed) emit SlotFreed(requestId, slotIndex);
        if (failed) emit RequestFailed(requestId);
    }

    function freeSlot(SlotId slotId) public {
        freeSlot(slotId, msg.sender, msg.sender);
    }

    /// Gives up a slot that is in use, and with it collateral and earnings; or collects both when the request has ended.
    function freeSlot(SlotId slotId, address rewardRecipient, address collateralRecipient) public nonReentrant {
        Slot storage slot = _slots[slotId];
        if (slot.state == SlotState.Free) revert Marketplace_SlotIsFree();
        if (slot.host != msg.sender) revert Marketplace_InvalidSlotHost();
        SlotState state = slotState(slotId);
        if (state == SlotState.Paid) revert Marketplace_AlreadyPaid();

        RequestId requestId = slot.requestId;
        RequestContext storage context = _contexts[requestId];
        if (state == SlotState.Filled) {
            uint64 slotIndex = slot.slotIndex;
            bool failed = _free(slotId);
            emit SlotFreed(requestId, slotIndex);
            if (failed) emit RequestFailed(requestId);
            return;
        }

        uint256 end = context.endsAt;
        if (state == SlotState.Finished) context.state = RequestState.Finished;
        if (state == SlotState.Cancelled) end = context.expiresAt;
        // A failed request ended a second before it failed, as software that reads `requestEnd` expects; time is paid up to the failure.
        if (state == SlotState.Failed) end += 1;
        slot.state = SlotState.Paid;
        _removeFromMySlots(msg.sender, slotId);
        _send(rewardRecipient, _payout(_agreements[requestId], _startedAt(slotId), end));
        _send(collateralRecipient, slot.currentCollateral);
    }

    function withdrawFunds(RequestId requestId) public {
        withdrawFunds(requestId, msg.sender);
    }

    /// Gives the client what the request did not cost: time that no host was there for, and collateral that hosts lost.
    function withdrawFunds(RequestId requestId, address recipient) public nonReentrant {
        RequestContext storage context = _knownContext(requestId);
        Agreement storage agreement = _agreements[requestId];
        if (agreement.client != msg.sender) revert Marketplace_InvalidClientAddress();
        RequestState state = _stateOf(context);
        if (state == RequestState.New || state == RequestState.Started) revert Marketplace_InvalidState();
        if (context.withdrawn) revert Marketplace_NothingToWithdraw();

        uint256 amount = context.fundsToReturn + context.forfeited;
        context.state = state;
        context.withdrawn = true;
        context.fundsToReturn = 0;
        context.forfeited = 0;
        _removeFromMyRequests(msg.sender, requestId);
        if (state == RequestState.Cancelled) {
            emit RequestCancelled(requestId);
            // Hosts are paid until expiry; what was set aside for them after it goes back.
            amount += context.slotsFilled * _payout(agreement, context.expiresAt, context.endsAt);
        }
        if (amount > 0) _send(recipient, amount);
    }

    // The inside

    function _isReservable(
        RequestId requestId,
        uint64 slotIndex,
        SlotId slotId,
        address host
    ) internal view override returns (bool) {
        RequestContext storage context = _contexts[requestId];
        (RequestState state, uint64 endsAt, uint64 expiresAt) = (context.state, context.endsAt, context.expiresAt);
        // `expiresAt` is 0, and so behind us, when there is no such request.
        if (state != RequestState.Started && (state != RequestState.New || block.timestamp >= expiresAt)) return false;
        if (block.timestamp >= endsAt) return false;
        uint64 slots = context.slots;
        if (slotIndex >= (slots != 0 ? slots : _agreements[requestId].slots)) return false;
        SlotState stored = _slots[slotId].state;
        if (stored != SlotState.Free && stored != SlotState.Repair) return false;
        if (!_expandingWindow) return true;
        uint256 requestedAt = endsAt - _agreements[requestId].duration;
        return Window.isOpen(host, SlotId.unwrap(slotId), block.timestamp - requestedAt, expiresAt - requestedAt);
    }

    /// Frees a slot in use: the host loses what it has earned and put up. Returns whether that was one slot too many for the request.
    function _free(SlotId slotId) internal returns (bool failed) {
        Slot storage slot = _slots[slotId];
        (address host, RequestId requestId) = (slot.host, slot.requestId);
        RequestContext storage context = _contexts[requestId];
        Agreement storage agreement = _agreements[requestId];
        uint64 endsAt = context.endsAt;

        context.fundsToReturn += _payout(agreement, _startedAt(slotId), endsAt);
        context.forfeited += slot.currentCollateral;
        slot.host = address(0);
        slot.state = SlotState.Repair;
        slot.currentCollateral = 0;
        _endFilling(slotId);
        _slotLeft(requestId, host);
        _removeFromMySlots(host, slotId);
        uint64 filled = --context.slotsFilled;

        failed = context.state == RequestState.Started && agreement.slots - filled > agreement.maxSlotLoss;
        if (failed) {
            context.state = RequestState.Failed;
            context.endsAt = uint64(block.timestamp) - 1;
            // Other hosts are paid until now; what was set aside for them after it goes back to the client.
            context.fundsToReturn += filled * _payout(agreement, block.timestamp, endsAt);
        }
    }

    /// The price of a request that can be accepted.
    function _checkedPrice(Request calldata request) private view returns (uint256) {
        Ask calldata ask = request.ask;
        if (request.expiry == 0 || request.expiry >= ask.duration) revert Marketplace_InvalidExpiry();
        if (ask.slots == 0) revert Marketplace_InsufficientSlots();
        if (ask.maxSlotLoss > ask.slots) revert Marketplace_InvalidMaxSlotLoss();
        if (ask.duration == 0) revert Marketplace_InsufficientDuration();
        if (ask.proofProbability == 0) revert Marketplace_InsufficientProofProbability();
        if (ask.collateralPerByte == 0) revert Marketplace_InsufficientCollateral();
        if (ask.pricePerBytePerSecond == 0) revert Marketplace_InsufficientReward();
        if (request.content.cid.length == 0) revert Marketplace_InvalidCid();
        if (ask.duration > _requestDurationLimit) revert Marketplace_DurationExceedsLimit();
        uint256 slotSeconds = uint256(ask.slots) * ask.duration;
        if (slotSeconds > type(uint64).max) revert Marketplace_PriceOverflow();
        if (block.timestamp + ask.duration > type(uint64).max) revert Marketplace_PriceOverflow();
        _product(ask.collateralPerByte, ask.slotSize);
        return _product(_product(ask.pricePerBytePerSecond, ask.slotSize), slotSeconds);
    }

    function _keep(Agreement storage agreement, Request calldata request) private {
        Ask calldata ask = request.ask;
        agreement.client = request.client;
        agreement.expiry = request.expiry;
        agreement.proofProbability = ask.proofProbability;
        agreement.pricePerBytePerSecond = ask.pricePerBytePerSecond;
        agreement.collateralPerByte = ask.collateralPerByte;
        agreement.slots = ask.slots;
        agreement.slotSize = ask.slotSize;
        agreement.duration = ask.duration;
        agreement.maxSlotLoss = ask.maxSlotLoss;
        agreement.merkleRoot = request.content.merkleRoot;
        agreement.nonce = request.nonce;
        agreement.cid = request.content.cid;
    }

    function _knownContext(RequestId requestId) private view returns (RequestContext storage context) {
        context = _contexts[requestId];
        if (context.expiresAt == 0) revert Marketplace_UnknownRequest();
    }

    function _stateOf(RequestContext storage context) private view returns (RequestState state) {
        state = context.state;
        if (state == RequestState.New && block.timestamp > context.expiresAt) return RequestState.Cancelled;
        if (state == RequestState.Started && block.timestamp > context.endsAt) return RequestState.Finished;
    }

    /// A host that came at the end would put up collateral for nothing.
    function _checkFillable(RequestContext storage context) private view {
        RequestState state = context.state;
        if (state == RequestState.New && block.timestamp < context.expiresAt) return;
        if (state == RequestState.Started && block.timestamp < context.endsAt) return;
        revert Marketplace_StartNotBeforeExpiry();
    }

    function _payout(Agreement storage agreement, uint256 start, uint256 end) private view returns (uint256) {
        if (start >= end) return 0;
        return (end - start) * (agreement.pricePerBytePerSecond * agreement.slotSize);
    }

    /// The public signals of a proof of now (11 §5.4).
    function _signals(
        SlotId slotId,
        uint64 slotIndex,
        Agreement storage agreement
    ) private view returns (uint256[] memory signals) {
        signals = new uint256[](3);
        signals[0] = _challengeToFieldElement(getChallenge(slotId));
        signals[1] = _merkleRootToFieldElement(agreement.merkleRoot);
        signals[2] = slotIndex;
    }

    /// 31 bytes of the challenge: a number of 248 bits is always below the order of the field.
    function _challengeToFieldElement(bytes32 challenge) internal pure returns (uint256) {
        return uint256(_byteSwap(challenge & ~bytes32(uint256(255))));
    }

    function _merkleRootToFieldElement(bytes32 merkleRoot) internal pure returns (uint256) {
        return uint256(_byteSwap(merkleRoot));
    }

    function _product(uint256 a, uint256 b) private pure returns (uint256 product) {
        unchecked {
            product = a * b;
            if (a != 0 && product / a != b) revert Marketplace_PriceOverflow();
        }
    }

    function _take(uint256 amount) private {
        if (!_token.tryTake(msg.sender, amount)) revert Marketplace_TransferFailed();
    }

    function _send(address to, uint256 amount) private {
        if (!_token.trySend(to, amount)) revert Marketplace_TransferFailed();
    }
}
