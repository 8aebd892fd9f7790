import { toFunctionSelector } from 'viem';

/** Every error that a call of the play can meet. */
const NAMES = [
  'Marketplace_InvalidExpiry()',
  'Marketplace_InvalidMaxSlotLoss()',
  'Marketplace_InsufficientSlots()',
  'Marketplace_InsufficientDuration()',
  'Marketplace_InsufficientProofProbability()',
  'Marketplace_InsufficientCollateral()',
  'Marketplace_InsufficientReward()',
  'Marketplace_InvalidClientAddress()',
  'Marketplace_RequestAlreadyExists()',
  'Marketplace_InvalidSlot()',
  'Marketplace_InvalidCid()',
  'Marketplace_SlotNotFree()',
  'Marketplace_InvalidSlotHost()',
  'Marketplace_AlreadyPaid()',
  'Marketplace_TransferFailed()',
  'Marketplace_UnknownRequest()',
  'Marketplace_InvalidState()',
  'Marketplace_StartNotBeforeExpiry()',
  'Marketplace_SlotNotAcceptingProofs()',
  'Marketplace_ProofNotSubmittedByHost()',
  'Marketplace_SlotIsFree()',
  'Marketplace_ReservationRequired()',
  'Marketplace_NothingToWithdraw()',
  'Marketplace_DurationExceedsLimit()',
  'Marketplace_ValidatorIsHost()',
  'Marketplace_PriceOverflow()',
  'Marketplace_RepairRewardPercentageTooHigh()',
  'Marketplace_SlashPercentageTooHigh()',
  'Marketplace_ValidatorRewardPercentageTooHigh()',
  'Marketplace_MaximumSlashingTooHigh()',
  'Marketplace_InsolventConfiguration()',
  'Periods_InvalidSecondsPerPeriod()',
  'Proofs_InsufficientBlockHeight()',
  'Proofs_InvalidProof()',
  'Proofs_ProofAlreadySubmitted()',
  'Proofs_PeriodNotEnded()',
  'Proofs_ValidationTimedOut()',
  'Proofs_ProofNotMissing()',
  'Proofs_ProofNotRequired()',
  'Proofs_ProofAlreadyMarkedMissing()',
  'Proofs_BlockHashMissing()',
  'SlotReservations_ReservationNotAllowed()',
  'ERC20InsufficientBalance(address,uint256,uint256)',
  'ERC20InvalidReceiver(address)',
  'ERC20InsufficientAllowance(address,uint256,uint256)',
  'Panic(uint256)',
];

const nameOf = (signature: string): string => signature.slice(0, signature.indexOf('('));
const BY_SELECTOR = new Map(NAMES.map((name) => [toFunctionSelector(`function ${name}`), nameOf(name)] as const));
const BY_NAME = new Map(NAMES.map((name) => [nameOf(name), toFunctionSelector(`function ${name}`)] as const));

/** The name of an error by its selector, or the selector itself. */
export const errorNamed = (selector: `0x${string}`): string => BY_SELECTOR.get(selector) ?? selector;

/** The selector of an error, as a number. */
export function selectorOf(errorName: string): bigint {
  const selector = BY_NAME.get(errorName);
  if (!selector) throw new Error(`No error ${errorName}`);
  return BigInt(selector);
}
