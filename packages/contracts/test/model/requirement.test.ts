import { keccak256, toHex } from 'viem';
import { describe, expect, it } from 'vitest';
import { MarketplaceModel, type ModelConfig, requestIdOf, slotIdOf } from '../../src/model/index.ts';
import { isProofRequiredIn, periodOf, pointerOf, willProofBeRequiredIn } from '../../src/model/proofs.ts';

const HOST = `0x${'a'.repeat(40)}` as const;
const MARKET = `0x${'e'.repeat(40)}` as const;
const PERIODS = 256;
const PERIOD = 90n;

function filled(proofProbability: bigint, downtime: number) {
  const config: ModelConfig = {
    collateral: {
      repairRewardPercentage: 10,
      maxNumberOfSlashes: 2,
      slashPercentage: 20,
      validatorRewardPercentage: 20,
    },
    proofs: { period: PERIOD, timeout: 30n, downtime, downtimeProduct: 97, zkeyHash: '' },
    reservations: { maxReservations: 3 },
    requestDurationLimit: 1_000_000n,
    rules: { maxSlotsPerHost: 0, reservationTimeout: 0n, expandingWindow: false },
  };
  const model = new MarketplaceModel(config, MARKET);
  const request = {
    client: HOST,
    ask: {
      proofProbability,
      pricePerBytePerSecond: 1n,
      collateralPerByte: 1n,
      slots: 1n,
      slotSize: 1n,
      duration: 500_000n,
      maxSlotLoss: 0n,
    },
    content: { cid: '0x01', merkleRoot: `0x${'11'.repeat(32)}` },
    expiry: 300n,
    nonce: `0x${'22'.repeat(32)}`,
  } as const;
  const requestId = requestIdOf(request);
  const slotId = slotIdOf(requestId, 0n);
  /** A period is 9 blocks. */
  const blockIn = (period: number) => ({
    number: 1000n + 9n * BigInt(period),
    timestamp: 900_000n + PERIOD * BigInt(period),
    hashOf: (number: bigint) => keccak256(toHex(number)),
  });
  model.state.token.mint(HOST, 10n ** 12n);
  model.state.token.approve(HOST, 10n ** 12n);
  const proof = { valid: true };
  for (const call of [
    { name: 'requestStorage', request },
    { name: 'reserveSlot', requestId, index: 0n },
    { name: 'fillSlot', requestId, index: 0n, proof },
  ] as const) {
    expect(model.apply(call, HOST, blockIn(0))).toMatchObject({ ok: true });
  }
  const look = (period: number) => {
    const block = blockIn(period);
    const number = periodOf(config, block.timestamp);
    return {
      pointer: pointerOf(config, slotId, number, block),
      next: pointerOf(config, slotId, number, { number: block.number + 1n }),
      required: isProofRequiredIn(model.state, slotId, number, block),
      hidden: willProofBeRequiredIn(model.state, slotId, number, block),
    };
  };
  return { look, seen: Array.from({ length: PERIODS }, (_, at) => look(at + 1)) };
}

describe('when a proof is due (12 §6, §9)', () => {
  it('is never in the period of the filling', () => {
    const { look } = filled(1n, 0);
    expect(look(0)).toMatchObject({ required: false, hidden: false });
  });

  it('is in every period outside the downtime when one in one is asked for, and hidden in it', () => {
    for (const { pointer, required, hidden } of filled(1n, 96).seen) {
      expect({ required, hidden }).toEqual({ required: pointer >= 96n, hidden: pointer < 96n });
    }
  });

  it('is about once in four periods, downtime or not', () => {
    for (const downtime of [0, 96]) {
      const due = filled(4n, downtime).seen.filter(({ required }) => required).length;
      // 256 throws at 1 in 4: 64, and 3.3 times the deviation of 6.9 leaves 1 in 1000.
      expect(Math.abs(due - 64)).toBeLessThan(23);
    }
  });

  it('is told by a pointer that moves with every block, by one', () => {
    for (const { pointer, next } of filled(1n, 0).seen) expect(next).toBe((pointer + 1n) % 256n);
  });
});
