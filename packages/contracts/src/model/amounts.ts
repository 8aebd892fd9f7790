import type { Ask, ModelConfig } from './types.ts';

export const UINT64_MAX = 2n ** 64n - 1n;
export const UINT256_MAX = 2n ** 256n - 1n;

export const pricePerSlotPerSecond = (ask: Ask): bigint => ask.pricePerBytePerSecond * ask.slotSize;
export const collateralPerSlot = (ask: Ask): bigint => ask.collateralPerByte * ask.slotSize;
export const maxPrice = (ask: Ask): bigint => ask.slots * ask.duration * pricePerSlotPerSecond(ask);

/** What a slot earns from `start` to `end`, in seconds; nothing over an empty or negative span (R4). */
export function payout(ask: Ask, start: bigint, end: bigint): bigint {
  return start < end ? (end - start) * pricePerSlotPerSecond(ask) : 0n;
}

const share = (amount: bigint, percentage: number): bigint => (amount * BigInt(percentage)) / 100n;

export const slashOf = (ask: Ask, config: ModelConfig): bigint =>
  share(collateralPerSlot(ask), config.collateral.slashPercentage);

/** The part of a slash that the validator who saw the miss is given. */
export const validatorRewardOf = (ask: Ask, config: ModelConfig): bigint =>
  share(slashOf(ask, config), config.collateral.validatorRewardPercentage);

/** What a host that fills a lost slot pays less. */
export const repairRewardOf = (ask: Ask, config: ModelConfig): bigint =>
  share(collateralPerSlot(ask), config.collateral.repairRewardPercentage);

/** True when every sum that the contracts will form of this fits its type (R11). */
export function amountsFit(ask: Ask): boolean {
  return (
    ask.slots * ask.duration <= UINT64_MAX &&
    pricePerSlotPerSecond(ask) <= UINT256_MAX &&
    maxPrice(ask) <= UINT256_MAX &&
    collateralPerSlot(ask) <= UINT256_MAX
  );
}
