import { describe, expect, it } from 'vitest';
import { errorNameOf, refusal, revertDataOf } from '../../src/chain/contract/reverts.ts';
import { isTooWide, placeOf, transientKind } from '../../src/chain/rpc/json-rpc.ts';
import { saidOf } from '../../src/chain/transactions/refusals.ts';

/** 12 §2, and 18.6. */
const SELECTORS = `
2bd81630 Marketplace_RepairRewardPercentageTooHigh a9cbc156 Marketplace_SlashPercentageTooHigh 5ffe743c Marketplace_MaximumSlashingTooHigh
df63f61a Marketplace_InvalidExpiry b9551ab1 Marketplace_InvalidMaxSlotLoss 535ed2be Marketplace_InsufficientSlots
090a5ecd Marketplace_InsufficientDuration 6aba7aae Marketplace_InsufficientProofProbability fb7df0c7 Marketplace_InsufficientCollateral
47ba51c7 Marketplace_InsufficientReward 698d3c62 Marketplace_InvalidClientAddress fc7d0690 Marketplace_RequestAlreadyExists
3b920b88 Marketplace_InvalidSlot 86f8cf9b Marketplace_InvalidCid ff556acf Marketplace_SlotNotFree
57a6f4e9 Marketplace_InvalidSlotHost c2cbf777 Marketplace_AlreadyPaid f8599ffa Marketplace_TransferFailed
bdd64a7a Marketplace_UnknownRequest c00b5b57 Marketplace_InvalidState 56607cb0 Marketplace_StartNotBeforeExpiry
ae9dcffd Marketplace_SlotNotAcceptingProofs ce351b94 Marketplace_ProofNotSubmittedByHost 8b41ec7f Marketplace_SlotIsFree
d651ce18 Marketplace_ReservationRequired bd8bdd94 Marketplace_NothingToWithdraw 1267b3f2 Marketplace_DurationExceedsLimit
71ebecc2 Proofs_InsufficientBlockHeight fcd03a47 Proofs_InvalidProof 3edef7db Proofs_ProofAlreadySubmitted
6b4b1a4e Proofs_PeriodNotEnded de55698e Proofs_ValidationTimedOut 00fab7d9 Proofs_ProofNotMissing
d3ffa66b Proofs_ProofNotRequired 98e7e551 Proofs_ProofAlreadyMarkedMissing 2aa6d8e0 Periods_InvalidSecondsPerPeriod
424a04ab SlotReservations_ReservationNotAllowed
ff2646f4 VaultOnlyAccountHolder f19fe417 VaultInsufficientBalance 4460ffba VaultInvalidExpiry 45cd2b1e VaultFundNotLocked
22fc3442 VaultFundNotUnlocked 6d1bd087 VaultFundAlreadyLocked d542fb1d VaultFlowNotZero`;
const ROWS = [...SELECTORS.matchAll(/([0-9a-f]{8}) (\w+)/g)].map(([, selector, name]) => [selector!, name!] as const);

describe('reverts', () => {
  it.each(ROWS)('%s is %s', (selector, name) => {
    expect(errorNameOf(`0x${selector}`)).toBe(name);
  });

  it.each([
    ['geth', { code: 3, message: 'execution reverted', data: '0xff556acf' }],
    ['a nested object', { code: -32603, message: 'Internal error', data: { message: 'x', data: '0xff556acf' } }],
    ['a doubly nested object', { code: -32603, message: 'x', data: { originalError: { data: '0xff556acf' } } }],
    ['a text', { code: -32015, message: 'VM execution error.', data: 'Reverted 0xff556acf' }],
    ['the message alone', { code: 3, message: 'execution reverted: custom error 0xff556acf' }],
  ])('are found where %s puts them', (_, body) => {
    expect(refusal('fillSlot', body)).toMatchObject({
      code: 'MARKET_REVERTED',
      data: { name: 'Marketplace_SlotNotFree', call: 'fillSlot' },
    });
  });

  it('tell reasons in words and panics', () => {
    const text = `0x08c379a0${'20'.padStart(64, '0')}${'03'.padStart(64, '0')}${Buffer.from('why').toString('hex').padEnd(64, '0')}`;
    expect(errorNameOf(text as `0x${string}`)).toBe('Error(why)');
    expect(errorNameOf(`0x4e487b71${'11'.padStart(64, '0')}`)).toBe('Panic(17)');
  });

  it('are told from other answers', () => {
    expect(revertDataOf({ code: -32000, message: 'nonce too low' })).toBeUndefined();
    expect(revertDataOf({ code: -32000, message: 'execution reverted' })).toBe('0x');
    expect(refusal('x', { code: -32601, message: 'no such method' })).toMatchObject({ code: 'CHAIN_REFUSED' });
    expect(refusal('x', { code: 3, message: 'execution reverted', data: '0x12345678' })).toMatchObject({
      data: { name: 'unknown', data: '0x12345678' },
    });
  });
});

describe('what back ends say', () => {
  it.each([
    [{ code: -32005, message: 'daily request count exceeded, request rate limited' }, 'rate-limited'],
    [{ code: 429, message: 'slow down' }, 'rate-limited'],
    [{ code: -32000, message: 'Your app has exceeded its compute units per second capacity' }, 'rate-limited'],
    [{ code: -32005, message: 'query returned more than 10000 results' }, undefined],
    [{ code: -32000, message: 'unknown block' }, 'behind'],
    [{ code: -32000, message: 'header not found' }, 'behind'],
    [{ code: -32602, message: 'block range extends beyond current head block' }, 'behind'],
    [{ code: 3, message: 'execution reverted', data: '0xff556acf' }, undefined],
    [{ code: -32003, message: 'nonce too low' }, undefined],
  ])('%j is %s', (body, kind) => {
    expect(transientKind(body)).toBe(kind);
  });

  it.each([
    ['already known', 'known'],
    ['nonce too low: next nonce 5, tx nonce 4', 'used'],
    ['replacement transaction underpriced', 'underpriced'],
    ['max fee per gas less than block base fee', 'underpriced'],
    ['insufficient funds for gas * price + value', 'other'],
  ])('to a transaction: %s', (message, said) => {
    expect(saidOf({ code: -32000, message })).toBe(said);
  });

  it('knows answers that are too wide', () => {
    expect(isTooWide({ code: -32005, message: 'query returned more than 10000 results' })).toBe(true);
    expect(isTooWide({ code: -32602, message: 'exceed maximum block range: 5000' })).toBe(true);
    expect(isTooWide({ code: -32000, message: 'execution reverted' })).toBe(false);
  });

  it('shows no secrets of an address', () => {
    expect(placeOf('https://user:word@rpc.example.org/v3/0123456789abcdef?key=1')).toBe('https://rpc.example.org');
    expect(placeOf('wss://rpc.example.org/v3/secret')).toBe('wss://rpc.example.org');
    expect(placeOf('nonsense')).toBe('invalid');
  });
});
