import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/model/index.ts';
import { run } from './run.ts';

const STEPS = process.env.SOAK === 'short' ? 100_000 : 2_000_000;
/** A run begins on a new chain with another configuration; a chain slows with what it stores. */
const STEPS_PER_RUN = 800;
/** Runs at a time: each has a chain in a process of its own. */
const LANES = 2;
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
/** The long form takes less than an hour on two cores of their own. */
const LONG_MS_MAX = 4 * 3_600_000;

/** Runs in which a mistake must show. */
const RUNS_MAX = 40;

const inCollateral =
  (change: (was: ModelConfig['collateral']) => Partial<ModelConfig['collateral']>) =>
  (config: ModelConfig): ModelConfig => ({
    ...config,
    collateral: { ...config.collateral, ...change(config.collateral) },
  });
const inProofs =
  (change: (was: ModelConfig['proofs']) => Partial<ModelConfig['proofs']>) =>
  (config: ModelConfig): ModelConfig => ({ ...config, proofs: { ...config.proofs, ...change(config.proofs) } });
const inRules =
  (change: (was: ModelConfig['rules']) => Partial<ModelConfig['rules']>) =>
  (config: ModelConfig): ModelConfig => ({ ...config, rules: { ...config.rules, ...change(config.rules) } });

/** What the play would not notice, it does not guard. */
const MISTAKES = {
  'the reward of validators': inCollateral((was) => ({ validatorRewardPercentage: was.validatorRewardPercentage ^ 1 })),
  'the reward of repairs': inCollateral((was) => ({ repairRewardPercentage: was.repairRewardPercentage ^ 1 })),
  'the slash': inCollateral((was) => ({ slashPercentage: was.slashPercentage ^ 1 })),
  'the number of slashes': inCollateral((was) => ({ maxNumberOfSlashes: was.maxNumberOfSlashes + 1 })),
  'the time to mark': inProofs((was) => ({ timeout: was.timeout + 1n })),
  'the downtime': inProofs((was) => ({ downtime: was.downtime ^ 1 })),
  'the way of the pointer': inProofs((was) => ({ downtimeProduct: was.downtimeProduct ^ 1 })),
  'the age of reservations': inRules((was) => ({ reservationTimeout: was.reservationTimeout + 1n })),
  'the slots of a host': inRules((was) => ({ maxSlotsPerHost: was.maxSlotsPerHost + 1 })),
  'the limit of duration': (config: ModelConfig) => ({
    ...config,
    requestDurationLimit: config.requestDurationLimit + 1n,
  }),
};

/** Every end that a call can come to, and every change of a slot. */
const OUTCOMES = [
  ...['ok', 'ERC20InsufficientAllowance', 'ERC20InsufficientBalance'].map((end) => `requestStorage ${end}`),
  ...['InvalidExpiry', 'InvalidMaxSlotLoss', 'InsufficientSlots', 'InsufficientProofProbability'].map(
    (end) => `requestStorage Marketplace_${end}`,
  ),
  ...['InsufficientCollateral', 'InsufficientReward', 'InvalidClientAddress', 'RequestAlreadyExists'].map(
    (end) => `requestStorage Marketplace_${end}`,
  ),
  ...['InvalidCid', 'DurationExceedsLimit', 'PriceOverflow'].map((end) => `requestStorage Marketplace_${end}`),
  ...['reserveSlot ok', 'reserveSlot: in the place of another', 'reserveSlot SlotReservations_ReservationNotAllowed'],
  ...['UnknownRequest', 'InvalidSlot', 'ReservationRequired', 'SlotNotFree', 'StartNotBeforeExpiry'].map(
    (end) => `fillSlot Marketplace_${end}`,
  ),
  ...['ok', 'Proofs_InvalidProof', 'ERC20InsufficientAllowance', 'ERC20InsufficientBalance'].map(
    (end) => `fillSlot ${end}`,
  ),
  ...['ok', 'Proofs_InvalidProof', 'Proofs_ProofAlreadySubmitted'].map((end) => `submitProof ${end}`),
  ...['ProofNotSubmittedByHost', 'SlotNotAcceptingProofs'].map((end) => `submitProof Marketplace_${end}`),
  ...['markProofAsMissing', 'canMarkProofAsMissing'].flatMap((name) => [
    ...['ok', 'Marketplace_SlotNotAcceptingProofs', 'Marketplace_ValidatorIsHost'].map((end) => `${name} ${end}`),
    ...['PeriodNotEnded', 'ValidationTimedOut', 'ProofNotMissing', 'ProofNotRequired', 'ProofAlreadyMarkedMissing'].map(
      (end) => `${name} Proofs_${end}`,
    ),
  ]),
  ...['ok', 'Marketplace_SlotIsFree', 'Marketplace_InvalidSlotHost', 'Marketplace_AlreadyPaid'].map(
    (end) => `freeSlot ${end}`,
  ),
  ...['ok', 'Marketplace_UnknownRequest', 'Marketplace_InvalidClientAddress', 'Marketplace_InvalidState'].map(
    (end) => `withdrawFunds ${end}`,
  ),
  'withdrawFunds Marketplace_NothingToWithdraw',
  'freeSlot ERC20InvalidReceiver',
  'withdrawFunds ERC20InvalidReceiver',
  ...['Filled → Repair', 'Filled → Failed', 'Repair → Failed'].flatMap((change) => [
    `freeSlot: slot ${change}`,
    `markProofAsMissing: slot ${change}`,
  ]),
  ...['Finished', 'Cancelled', 'Failed'].map((state) => `freeSlot: slot ${state} → Paid`),
  ...['Free', 'Repair'].map((state) => `fillSlot: slot ${state} → Filled`),
  ...['RequestFulfilled', 'RequestFailed', 'RequestCancelled', 'SlotReservationsFull'].map((name) => `event ${name}`),
];

describe(`the model and the EVM (seed ${SEED})`, () => {
  it(
    `agree for ${STEPS} steps of all kinds`,
    async () => {
      const coverage = new Map<string, number>();
      let steps = 0;
      let seed = SEED;
      const lane = async () => {
        while (steps < STEPS) {
          const result = await run(seed++, STEPS_PER_RUN);
          steps += result.steps;
          for (const [outcome, times] of result.coverage) {
            coverage.set(outcome, (coverage.get(outcome) ?? 0) + times);
          }
        }
      };
      const begunAt = performance.now();
      await Promise.all(Array.from({ length: LANES }, lane));
      const seconds = (performance.now() - begunAt) / 1000;
      const ends = [...coverage].sort().map(([outcome, times]) => `${String(times).padStart(8)} ${outcome}`);
      process.stdout.write(
        `${steps} steps, ${(steps / seconds).toFixed(0)} a second, from seed ${SEED}\n${ends.join('\n')}\n`,
      );
      expect(OUTCOMES.filter((outcome) => !coverage.has(outcome))).toEqual([]);
    },
    LONG_MS_MAX,
  );

  it.each(Object.entries(MISTAKES))('part when the model mistakes %s by one', async (_, mistake) => {
    let message = 'not found out';
    for (let seed = 500; seed < 500 + RUNS_MAX && message === 'not found out'; seed++) {
      await run(seed, STEPS_PER_RUN, mistake).catch((error: Error) => {
        message = error.message;
      });
    }
    // A few calls, and the seed that gives them again.
    expect(message).toMatch(/^Seed \d+: /);
    expect(Number(/, (\d+) calls:/.exec(message)?.[1]), message).toBeLessThan(40);
  });
});
