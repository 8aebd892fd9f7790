import { type NetworkConfig, networkConfig } from '@codex/contracts';

/** How fast a marketplace for stories is. */
export interface Pace {
  /** Seconds from block to block. */
  readonly blockSeconds: number;
  /** Seconds. Hosts on one machine share its cores: all their proofs must fit in. */
  readonly periodSeconds: number;
}

/** A story in minutes on two cores, with half a dozen hosts. */
export const STORY_PACE: Pace = { blockSeconds: 1, periodSeconds: 15 };

/** Blocks beyond the longest downtime of a proof; a step of the pointer is a prime beyond (12 §6). */
const PRIMES = [5, 7, 11, 13, 17, 19, 23, 29, 37, 47, 59, 67, 83, 97, 127];

/**
 * The marketplace's usual rules in minutes instead of days: proofs in every period, and two missed ones cost a host its
 * slot.
 */
export function storyRules({ blockSeconds, periodSeconds }: Pace = STORY_PACE): NetworkConfig {
  const { config, rules, ...usual } = networkConfig('default');
  // Blocks: longer than a period, so that no challenge changes within one (12 §6).
  const downtime = Math.ceil((periodSeconds * 4) / (blockSeconds * 3));
  return {
    ...usual,
    name: 'story',
    rules: { ...rules, reservationTimeout: 60n },
    config: {
      ...config,
      proofs: {
        ...config.proofs,
        period: BigInt(periodSeconds),
        timeout: BigInt(periodSeconds),
        downtime,
        downtimeProduct: PRIMES.find((prime) => prime > downtime)!,
      },
    },
  };
}
