// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import "./Guarded.sol";
import "./ReentrancyGuard.sol";
import "./Tokens.sol";
import "./VaultAccounts.sol";

/// Keeps tokens for other contracts, its controllers, each in funds of its own that are locked for a time (12 §10). What a controller does
/// wrong can cost the tokens of its own funds only. The owner can stop everything but withdrawals by those whom the tokens belong to.
contract Vault is Guarded, ReentrancyGuard {
    using Accounts for Account;
    using Funds for Fund;
    using Tokens for IERC20;

    error VaultOnlyAccountHolder();
    error VaultInvalidExpiry();
    error VaultFundNotLocked();
    error VaultFundNotUnlocked();
    error VaultFundAlreadyLocked();
    error VaultFlowNotZero();
    error VaultTransferFailed();

    /// Where burned tokens go.
    address private constant GRAVE = 0x000000000000000000000000000000000000dEaD;

    IERC20 private immutable _token;
    mapping(address => mapping(FundId => Fund)) private _funds;
    mapping(address => mapping(FundId => mapping(AccountId => Account))) private _accounts;

    constructor(IERC20 erc20) {
        _token = erc20;
    }

    modifier onlyLocked(FundId fundId) {
        if (_funds[msg.sender][fundId].status() != FundStatus.Locked) revert VaultFundNotLocked();
        _;
    }

    // Views, for the controller

    function getFundStatus(FundId fundId) public view returns (FundStatus) {
        return _funds[msg.sender][fundId].status();
    }

    function getLockExpiry(FundId fundId) public view returns (uint40) {
        return _funds[msg.sender][fundId].lockExpiry;
    }

    /// All that the account has; 0 while the fund is frozen or unknown.
    function getBalance(FundId fundId, AccountId accountId) public view returns (uint128) {
        return _settledForView(fundId, accountId).total();
    }

    function getDesignatedBalance(FundId fundId, AccountId accountId) public view returns (uint128) {
        return _settledForView(fundId, accountId).balance.designated;
    }

    function encodeAccountId(address holder, bytes12 discriminator) public pure returns (AccountId) {
        return AccountId.wrap(bytes32(bytes20(holder)) | (bytes32(discriminator) >> 160));
    }

    function decodeAccountId(AccountId accountId) public pure returns (address holder, bytes12 discriminator) {
        bytes32 word = AccountId.unwrap(accountId);
        return (address(bytes20(word)), bytes12(word << 160));
    }

    // Operations of the controller

    function lock(FundId fundId, uint40 expiry, uint40 maximum) public whenNotPaused {
        Fund storage fund = _funds[msg.sender][fundId];
        // Flows of a fund that was used before would start again.
        if (fund.lockMaximum != 0) revert VaultFundAlreadyLocked();
        if (expiry > maximum) revert VaultInvalidExpiry();
        fund.lockExpiry = expiry;
        fund.lockMaximum = maximum;
    }

    function extendLock(FundId fundId, uint40 expiry) public whenNotPaused onlyLocked(fundId) {
        Fund storage fund = _funds[msg.sender][fundId];
        if (expiry < fund.lockExpiry || expiry > fund.lockMaximum) revert VaultInvalidExpiry();
        fund.lockExpiry = expiry;
    }

    function deposit(FundId fundId, AccountId accountId, uint128 amount) public nonReentrant whenNotPaused onlyLocked(fundId) {
        Account memory account = _settled(fundId, accountId);
        account.balance.available += amount;
        _accounts[msg.sender][fundId][accountId] = account;
        if (!_token.tryTake(msg.sender, amount)) revert VaultTransferFailed();
    }

    function designate(FundId fundId, AccountId accountId, uint128 amount) public whenNotPaused onlyLocked(fundId) {
        Account memory account = _settled(fundId, accountId);
        account.spend(amount);
        account.balance.designated += amount;
        _keep(fundId, accountId, account);
    }

    function transfer(FundId fundId, AccountId from, AccountId to, uint128 amount) public whenNotPaused onlyLocked(fundId) {
        Account memory sender = _settled(fundId, from);
        sender.spend(amount);
        _keep(fundId, from, sender);
        Account memory receiver = _settled(fundId, to);
        receiver.balance.available += amount;
        _keep(fundId, to, receiver);
    }

    /// Lets tokens flow, a number per second; a flow back the other way cancels one.
    function flow(FundId fundId, AccountId from, AccountId to, uint96 rate) public whenNotPaused onlyLocked(fundId) {
        Account memory sender = _settled(fundId, from);
        if (sender.flow.incoming >= rate) {
            sender.flow.incoming -= rate;
        } else {
            sender.flow.outgoing += rate - sender.flow.incoming;
            sender.flow.incoming = 0;
        }
        _keep(fundId, from, sender);
        Account memory receiver = _settled(fundId, to);
        receiver.flow.incoming += rate;
        _keep(fundId, to, receiver);
    }

    /// Burns designated tokens, those included that have flown in until now.
    function burnDesignated(
        FundId fundId,
        AccountId accountId,
        uint128 amount
    ) public nonReentrant whenNotPaused onlyLocked(fundId) {
        Account memory account = _settled(fundId, accountId);
        if (amount > account.balance.designated) revert Accounts.VaultInsufficientBalance();
        account.balance.designated -= amount;
        _accounts[msg.sender][fundId][accountId] = account;
        _send(GRAVE, amount);
    }

    /// Burns all that an account has, once as much flows in as out: the sum does not change then.
    function burnAccount(FundId fundId, AccountId accountId) public nonReentrant whenNotPaused onlyLocked(fundId) {
        Account memory account = _accounts[msg.sender][fundId][accountId];
        if (account.flow.incoming != account.flow.outgoing) revert VaultFlowNotZero();
        delete _accounts[msg.sender][fundId][accountId];
        _send(GRAVE, account.total());
    }

    /// Stops all flows, and everything else, until the lock expires.
    function freezeFund(FundId fundId) public whenNotPaused onlyLocked(fundId) {
        _funds[msg.sender][fundId].frozenAt = uint40(block.timestamp);
    }

    function withdraw(FundId fundId, AccountId accountId) public nonReentrant whenNotPaused {
        _withdraw(msg.sender, fundId, accountId);
    }

    /// For the holder itself, whatever controller and owner do.
    function withdrawByRecipient(address controller, FundId fundId, AccountId accountId) public nonReentrant {
        (address holder, ) = decodeAccountId(accountId);
        if (msg.sender != holder) revert VaultOnlyAccountHolder();
        _withdraw(controller, fundId, accountId);
    }

    // The inside

    function _withdraw(address controller, FundId fundId, AccountId accountId) private {
        Fund memory fund = _funds[controller][fundId];
        if (fund.status() != FundStatus.Withdrawing) revert VaultFundNotUnlocked();
        Account memory account = _accounts[controller][fundId][accountId];
        if (account.flow.updated != 0) account.settle(fund.flowEnd());
        delete _accounts[controller][fundId][accountId];
        (address holder, ) = decodeAccountId(accountId);
        _send(holder, account.total());
    }

    /// An account of the caller as of now.
    function _settled(FundId fundId, AccountId accountId) private view returns (Account memory account) {
        account = _accounts[msg.sender][fundId][accountId];
        account.settle(uint40(block.timestamp));
    }

    function _settledForView(FundId fundId, AccountId accountId) private view returns (Account memory account) {
        Fund memory fund = _funds[msg.sender][fundId];
        FundStatus status = fund.status();
        if (status != FundStatus.Locked && status != FundStatus.Withdrawing) return account;
        account = _accounts[msg.sender][fundId][accountId];
        if (account.flow.updated != 0) account.settle(fund.flowEnd());
    }

    function _keep(FundId fundId, AccountId accountId, Account memory account) private {
        account.checkSolvent(_funds[msg.sender][fundId].lockMaximum);
        _accounts[msg.sender][fundId][accountId] = account;
    }

    function _send(address to, uint128 amount) private {
        if (!_token.trySend(to, amount)) revert VaultTransferFailed();
    }
}
