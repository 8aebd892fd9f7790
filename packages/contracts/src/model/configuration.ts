import type { Block, ModelConfig } from './types.ts';

/** A chain must have so many blocks behind it: any of their hashes may be a challenge. */
const BLOCK_HEIGHT_MIN = 256n;

/** What the constructor says to a configuration; undefined when it takes it (12 §3 with R2). */
export function configurationError(config: ModelConfig, block: Pick<Block, 'number'>): string | undefined {
  const { repairRewardPercentage, maxNumberOfSlashes, slashPercentage, validatorRewardPercentage } = config.collateral;
  if (config.proofs.period === 0n) return 'Periods_InvalidSecondsPerPeriod';
  if (block.number <= BLOCK_HEIGHT_MIN) return 'Proofs_InsufficientBlockHeight';
  if (repairRewardPercentage > 100) return 'Marketplace_RepairRewardPercentageTooHigh';
  if (slashPercentage > 100) return 'Marketplace_SlashPercentageTooHigh';
  if (validatorRewardPercentage > 100) return 'Marketplace_ValidatorRewardPercentageTooHigh';
  const slashes = Math.max(1, maxNumberOfSlashes);
  if (slashes * slashPercentage > 100) return 'Marketplace_MaximumSlashingTooHigh';
  // What validators took must leave enough of a lost collateral for the discount of the next host.
  const solvent = slashes * slashPercentage * validatorRewardPercentage + 100 * repairRewardPercentage <= 10_000;
  return solvent ? undefined : 'Marketplace_InsolventConfiguration';
}
