import { type NetworkConfig, networkConfig } from '@codex/contracts';

/** Seconds from block to block. */
export const BLOCK_SECONDS = 1;
/** Seconds. Hosts on one machine share its cores: all their proofs must fit in. */
export const PERIOD_SECONDS = 15;

/**
 * The marketplace's usual rules in minutes instead of days: proofs every quarter of a minute, and two missed ones cost a
 * host its slot.
 */
export function storyRules(): NetworkConfig {
  const { config, rules, ...usual } = networkConfig('default');
  return {
    ...usual,
    name: 'story',
    rules: { ...rules, reservationTimeout: 60n },
    config: {
      ...config,
      proofs: {
        ...config.proofs,
        period: BigInt(PERIOD_SECONDS),
        timeout: BigInt(PERIOD_SECONDS),
        // Blocks: longer than a period, so that no challenge changes within one (12 §6); the step is a prime beyond.
        downtime: 20,
        downtimeProduct: 23,
      },
    },
  };
}
