import type { Random } from '@codex/runtime';
import { configurationError, type ModelConfig } from '../../src/model/index.ts';

type Numbers = readonly [repair: number, slashes: number, slash: number, validator: number];
type Proofs = readonly [period: bigint, timeout: bigint, downtime: number, product: number];

/** The configurations of 12 §7. */
const KNOWN: readonly (readonly [Numbers, Proofs, reservations: number])[] = [
  [[10, 2, 20, 20], [120n, 30n, 64, 67], 3],
  [[10, 2, 20, 20], [90n, 30n, 96, 97], 3],
  [[10, 5, 10, 20], [10n, 5n, 64, 67], 3],
  [[10, 5, 10, 20], [10n, 5n, 64, 67], 20],
];

/** At the edges of what a constructor takes (R2). */
const EDGES: readonly (readonly [Numbers, Proofs, reservations: number])[] = [
  [[100, 1, 100, 0], [10n, 5n, 0, 1], 1],
  [[0, 1, 100, 100], [7n, 7n, 1, 255], 2],
  [[50, 2, 50, 50], [13n, 40n, 128, 101], 2],
  [[33, 0, 67, 100], [30n, 1n, 0, 0], 3],
  [[0, 255, 0, 100], [10n, 20n, 32, 67], 3],
  [[1, 3, 33, 99], [2n, 3n, 16, 3], 4],
  [[9, 7, 13, 100], [1n, 2n, 0, 67], 3],
  [[10, 100, 1, 20], [5n, 100n, 200, 31], 255],
];

/** Seconds; a request of months would outlive every run, one of longer must be refused. */
const DURATION_LIMIT = 2_592_000n;

function configOf(
  [numbers, proofs, maxReservations]: (typeof KNOWN)[number],
  rules: ModelConfig['rules'],
): ModelConfig {
  const [repairRewardPercentage, maxNumberOfSlashes, slashPercentage, validatorRewardPercentage] = numbers;
  const [period, timeout, downtime, downtimeProduct] = proofs;
  return {
    collateral: { repairRewardPercentage, maxNumberOfSlashes, slashPercentage, validatorRewardPercentage },
    proofs: { period, timeout, downtime, downtimeProduct, zkeyHash: 'key' },
    reservations: { maxReservations },
    requestDurationLimit: DURATION_LIMIT,
    rules,
  };
}

const pick = <T>(random: Random, from: readonly T[]): T => from[random.int(from.length)]!;

/** One of the known configurations, of the edges, or anything that a constructor takes; with any rules. */
export function randomConfig(random: Random): ModelConfig {
  const rules = {
    maxSlotsPerHost: pick(random, [0, 1, 1, 1, 2, 3]),
    reservationTimeout: pick(random, [0n, 1n, 5n, 20n, 100n]),
    expandingWindow: random.int(5) === 0,
  };
  for (;;) {
    const kind = random.int(3);
    const chosen = kind === 0 ? pick(random, KNOWN) : kind === 1 ? pick(random, EDGES) : anything(random);
    const config = configOf(chosen, rules);
    if (!configurationError(config, { number: 1000n })) return config;
  }
}

function anything(random: Random): (typeof KNOWN)[number] {
  return [
    [random.int(101), random.int(12), random.int(101), random.int(101)],
    [BigInt(1 + random.int(200)), BigInt(random.int(300)), random.int(pick(random, [2, 128, 256])), random.int(256)],
    pick(random, [1, 1, 2, 3, 20]),
  ];
}

/** Any numbers that fit the types, many of which no constructor takes. */
export function wildConfig(random: Random): ModelConfig {
  const percentage = () => pick(random, [0, 1, 20, 50, 99, 100, 101, 255, random.int(256)]);
  return {
    ...configOf(
      [
        [percentage(), pick(random, [0, 1, 2, 5, 100, 255]), percentage(), percentage()],
        [
          pick(random, [0n, 1n, 90n, 2n ** 64n - 1n]),
          pick(random, [0n, 30n, 2n ** 64n - 1n]),
          random.int(256),
          random.int(256),
        ],
        random.int(256),
      ],
      { maxSlotsPerHost: random.int(256), reservationTimeout: 2n ** 64n - 1n, expandingWindow: random.int(2) === 0 },
    ),
    requestDurationLimit: pick(random, [0n, 1n, 2n ** 64n - 1n]),
  };
}
