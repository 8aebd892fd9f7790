import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

const STEPS = process.env.SOAK === 'short' ? 100_000 : 2_000_000;
/** A run begins on a new chain with another configuration. */
const STEPS_PER_RUN = 2500;
/** Runs at a time: each has a chain in a process of its own. */
const LANES = 2;
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
/** The long form takes about an hour on two cores of their own. */
const LONG_MS_MAX = 4 * 3_600_000;

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
  ...['ok', 'Proofs_InvalidProof', 'ERC20InsufficientAllowance'].map((end) => `fillSlot ${end}`),
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

  it('is found out when it takes the marketplace for another, by a play of a few calls', async () => {
    const spoilt = run(SEED, STEPS_PER_RUN, (config) => ({
      ...config,
      collateral: { ...config.collateral, validatorRewardPercentage: 0, repairRewardPercentage: 0 },
      reservations: { maxReservations: config.reservations.maxReservations + 1 },
      rules: { ...config.rules, maxSlotsPerHost: 0, reservationTimeout: 0n },
    }));
    const message = await spoilt.then(
      () => 'not found out',
      (error: Error) => error.message,
    );
    expect(message).toContain(`Seed ${SEED}: `);
    const calls = Number(/, (\d+) calls:/.exec(message)?.[1]);
    expect(calls, message).toBeLessThan(40);
  });
});
