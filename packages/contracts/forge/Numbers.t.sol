// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "../solidity/Endian.sol";
import "../solidity/TestMarketplace.sol";
import "../solidity/TestToken.sol";
import "../solidity/TestVerifier.sol";
import "../solidity/Window.sol";
import "./Cheats.sol";

/// Whatever the numbers, formulas keep what they promise.
contract NumbersTest is Test, Endian {
    TestToken private token;
    TestVerifier private verifier;

    function setUp() public {
        vm.roll(1000);
        vm.warp(1_800_000_000);
        token = new TestToken();
        verifier = new TestVerifier();
    }

    function _config(CollateralConfig memory collateral, ProofConfig memory proofs) private pure returns (MarketplaceConfig memory) {
        return MarketplaceConfig(collateral, proofs, SlotReservationsConfig(3), 1_000_000);
    }

    function _deploy(CollateralConfig memory collateral, uint8 downtime, uint8 product) private returns (TestMarketplace) {
        ProofConfig memory proofs = ProofConfig(10, 5, downtime, product, "");
        return new TestMarketplace(_config(collateral, proofs), token, verifier, MarketplaceRules(0, 0, false));
    }

    function testFuzz_bytesAreReversed(bytes32 word) public pure {
        bytes32 swapped = _byteSwap(word);
        for (uint256 i = 0; i < 32; i++) assert(swapped[i] == word[31 - i]);
        assert(_byteSwap(swapped) == word);
    }

    /// A configuration that is accepted leaves, of any collateral, enough for the repair, however it was slashed.
    function testFuzz_acceptedConfigurationsAreSolvent(
        uint8 repair,
        uint8 slashes,
        uint8 slash,
        uint8 validator,
        uint256 amount
    ) public {
        try this.deploy(repair, slashes, slash, validator) {
            uint256 slashed = _part(amount, slash);
            uint256 left = amount;
            uint256 forfeited;
            uint256 times = slashes == 0 ? 1 : slashes;
            for (uint256 i = 0; i < times; i++) {
                // Checked arithmetic: it reverts if the collateral does not suffice.
                left -= slashed;
                forfeited += slashed - _part(slashed, validator);
            }
            assert(forfeited + left >= _part(amount, repair));
        } catch {
            uint256 n = slashes == 0 ? 1 : slashes;
            assert(
                repair > 100 ||
                    slash > 100 ||
                    validator > 100 ||
                    n * slash > 100 ||
                    n * slash * validator + 100 * uint256(repair) > 10000
            );
        }
    }

    /// The same with numbers that are mostly accepted.
    function testFuzz_likelyConfigurationsAreSolvent(uint8 repair, uint8 slashes, uint8 slash, uint8 validator, uint256 amount) public {
        slashes = uint8(_within(slashes, 0, 10));
        testFuzz_acceptedConfigurationsAreSolvent(repair % 101, slashes, slash % (100 / (slashes == 0 ? 1 : slashes) + 1), validator % 101, amount);
    }

    function deploy(uint8 repair, uint8 slashes, uint8 slash, uint8 validator) external {
        _deploy(CollateralConfig(repair, slashes, slash, validator), 64, 67);
    }

    function _part(uint256 amount, uint256 percentage) private pure returns (uint256) {
        return (amount / 100) * percentage + ((amount % 100) * percentage) / 100;
    }

    function testFuzz_windowOpens(uint64 a, uint64 b) public pure {
        (uint256 early, uint256 late) = a < b ? (uint256(a), uint256(b)) : (uint256(b), uint256(a));
        assert(Window.share(early) <= Window.share(late));
        assert(Window.share(late) <= 1 << 64);
        assert(Window.share(0) == 0);
        assert(Window.share(1 << 63) == uint256(1 << 64) / 5);
        assert(Window.share(1 << 64) == 1 << 64);
    }

    function testFuzz_requestsAreKeptAsTheyAre(Request memory request) public {
        TestMarketplace market = _deploy(CollateralConfig(10, 2, 20, 20), 64, 67);
        request.client = address(0xC11E27);
        request.ask.duration = uint64(_within(request.ask.duration, 2, 1_000_000));
        request.expiry = uint64(_within(request.expiry, 1, request.ask.duration - 1));
        request.ask.slots = uint64(_within(request.ask.slots, 1, type(uint64).max / request.ask.duration));
        request.ask.maxSlotLoss = uint64(_within(request.ask.maxSlotLoss, 0, request.ask.slots));
        request.ask.proofProbability = _within(request.ask.proofProbability, 1, type(uint256).max - 1);
        request.ask.slotSize = uint64(_within(request.ask.slotSize, 0, type(uint64).max - 1));
        request.ask.pricePerBytePerSecond = _within(request.ask.pricePerBytePerSecond, 1, type(uint128).max);
        request.ask.collateralPerByte = _within(request.ask.collateralPerByte, 1, type(uint128).max);
        vm.assume(request.content.cid.length > 0);
        vm.prank(request.client);
        token.approve(address(market), type(uint256).max);
        token.mint(request.client, type(uint256).max);
        vm.prank(request.client);
        market.requestStorage(request);
        RequestId id = RequestId.wrap(keccak256(abi.encode(request)));
        assert(keccak256(abi.encode(market.getRequest(id))) == keccak256(abi.encode(request)));
        assert(token.balanceOf(address(market)) == _price(request.ask));
        vm.warp(block.timestamp + request.expiry + 1);
        vm.prank(request.client);
        market.withdrawFunds(id);
        assert(token.balanceOf(address(market)) == 0);
    }

    function _price(Ask memory ask) private pure returns (uint256) {
        return ask.pricePerBytePerSecond * ask.slotSize * ask.slots * ask.duration;
    }

    function testFuzz_pointerIsThatOfTheSpecification(bytes32 slot, uint32 height, uint40 time, uint8 downtime, uint8 product) public {
        TestMarketplace market = _deploy(CollateralConfig(10, 2, 20, 20), downtime, product);
        vm.roll(_within(height, 257, type(uint32).max));
        vm.warp(time);
        uint256 expected = (block.number % 256 + ((uint256(time) / 10) * product) % 256 + uint256(slot) % 256) % 256;
        assert(market.getPointer(SlotId.wrap(slot)) == expected);
    }

    /// A chain that jumped, or forgets: an error with a name instead of a panic (R12).
    function testFuzz_missingHashesHaveAName(bytes32 slot) public {
        TestMarketplace market = _deploy(CollateralConfig(10, 2, 20, 20), 64, 67);
        uint256 number = block.number - 1 - market.getPointer(SlotId.wrap(slot));
        vm.setBlockhash(number, keccak256("a block"));
        assert(market.getChallenge(SlotId.wrap(slot)) == keccak256(abi.encode(keccak256("a block"))));
        vm.setBlockhash(number, 0);
        vm.expectRevert(Proofs.Proofs_BlockHashMissing.selector);
        market.getChallenge(SlotId.wrap(slot));
    }
}
