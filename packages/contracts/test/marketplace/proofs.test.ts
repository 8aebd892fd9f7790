import { type Hex, keccak256 } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MarketplaceConfig, networkConfig, slotIdOf } from '../../src/index.ts';
import { Lab, Market, PROOF, ZERO_PROOF } from '../support/market.ts';

const { config } = networkConfig('test');
const { period } = config.proofs;
const withProofs = (proofs: Partial<MarketplaceConfig['proofs']>): MarketplaceConfig => ({
  ...config,
  proofs: { ...config.proofs, ...proofs },
});

describe('proofs', () => {
  let lab: Lab;
  let market: Market;
  const long = () => market.request({ duration: 1_000_000n });
  const mark = (slot: Hex, number: bigint, time: bigint, from = market.validator) =>
    market.send(from, 'markProofAsMissing', [slot, number], time);

  beforeAll(async () => {
    lab = await Lab.start();
    market = await Market.create(lab);
  });
  afterAll(() => lab.chain.stop());

  describe('submitProof', () => {
    it('takes one good proof in a period, of the host', async () => {
      const { slots } = await market.started(long());
      const [slot] = slots;
      const host = market.host(0);
      const later = ((await lab.now()) / period + 1n) * period;
      await expect(market.send(market.stranger, 'submitProof', [slot!, PROOF], later)).rejects.toThrow(
        'Marketplace_ProofNotSubmittedByHost',
      );
      await expect(market.send(host, 'submitProof', [slot!, ZERO_PROOF])).rejects.toThrow('Proofs_InvalidProof');
      const { events } = await market.send(host, 'submitProof', [slot!, PROOF], later + period - 1n);
      expect(events).toEqual([
        { name: 'ProofSubmitted', args: { id: slot } },
        { name: 'ProofSubmittedFor', args: { id: slot, period: later / period } },
      ]);
      await expect(market.send(host, 'submitProof', [slot!, PROOF])).rejects.toThrow('Proofs_ProofAlreadySubmitted');
      await market.send(host, 'submitProof', [slot!, PROOF], later + period);
    });

    it('takes none for a slot that is not filled (R10)', async () => {
      const { id, at, slots } = await market.started();
      await market.send(market.host(0), 'freeSlot', [slots[0]!]);
      await expect(market.send(market.host(0), 'submitProof', [slots[0]!, PROOF])).rejects.toThrow(
        'Marketplace_ProofNotSubmittedByHost',
      );
      await market.at(at + 1001n);
      await expect(market.send(market.host(1), 'submitProof', [slots[1]!, PROOF])).rejects.toThrow(
        'Marketplace_SlotNotAcceptingProofs',
      );
      await market.send(market.host(1), 'freeSlot', [slots[1]!]);
      // On the old rule even a slot that was paid for took proofs.
      await expect(market.send(market.host(1), 'submitProof', [slots[1]!, PROOF])).rejects.toThrow(
        'Marketplace_SlotNotAcceptingProofs',
      );
      expect(await market.ask('requestState', [id])).toBe(3);
    });
  });

  describe('what is required', () => {
    it('follows pointer and challenge as 12 §6 has them', async () => {
      const { slots } = await market.started(long());
      const { downtime, downtimeProduct } = config.proofs;
      for (let step = 0; step < 40; step++) {
        await market.at((await lab.now()) + (step % 4 === 0 ? period : 0n));
        const block = await lab.client.getBlock();
        for (const slot of slots) {
          const number = block.timestamp / period;
          const pointer = Number((block.number + number * BigInt(downtimeProduct) + (BigInt(slot) % 256n)) % 256n);
          const hash = (await lab.client.getBlock({ blockNumber: block.number - 1n - BigInt(pointer) })).hash;
          expect(await market.ask('getPointer', [slot])).toBe(pointer);
          expect(await market.ask('getChallenge', [slot])).toBe(keccak256(hash));
          const required = (await market.ask('isProofRequired', [slot])) as boolean;
          const upcoming = (await market.ask('willProofBeRequired', [slot])) as boolean;
          // The request asks for a proof in every period.
          expect([required, upcoming]).toEqual([pointer >= downtime, pointer < downtime]);
        }
      }
    });

    it('is nothing in the period of the filling', async () => {
      const { slots } = await market.started(long());
      const [slot] = slots;
      for (let block = 0; block < 256; block += 16) {
        expect(await market.ask('isProofRequired', [slot!])).toBe(false);
        expect(await market.ask('willProofBeRequired', [slot!])).toBe(false);
        await lab.chain.mine(16, 0);
      }
    });

    it('is one in so many periods, whatever the downtime', { timeout: 60_000 }, async () => {
      const { id } = await market.requested(market.request({ proofProbability: 4n, duration: 1_000_000n, slots: 1n }));
      await market.filled(id, 0);
      const slot = slotIdOf(id, 0n);
      expect(await market.ask('slotProbability', [slot])).toBe(3n);
      let required = 0;
      for (let step = 0; step < 256; step++) {
        await market.at(((await lab.now()) / period + 1n) * period);
        if ((await market.ask('isProofRequired', [slot])) === true) required++;
      }
      // Binomial, 256 of ¼: 64 ± 3.3 standard deviations of 6.9.
      expect(required).toBeGreaterThan(64 - 23);
      expect(required).toBeLessThan(64 + 23);
    });

    it('has a probability of at least one in one (R5), and no number overflows it', async () => {
      for (const [asked, downtime, probability] of [
        [1n, 64, 1n],
        [1n, 0, 1n],
        [255n, 255, 1n],
        [256n, 255, 1n],
        [512n, 255, 2n],
        [4n, 64, 3n],
        [2n ** 256n - 1n, 64, ((2n ** 256n - 1n) * 192n) / 256n],
        [2n ** 256n - 1n, 0, 2n ** 256n - 1n],
      ] as const) {
        const other = await Market.create(lab, { config: withProofs({ downtime }) });
        const { id } = await other.requested(other.request({ proofProbability: asked }));
        await other.filled(id, 0);
        expect(await other.ask('slotProbability', [slotIdOf(id, 0n)])).toBe(probability);
      }
    });
  });

  describe('markProofAsMissing', () => {
    it('waits for the end of the period, and not longer than the timeout', async () => {
      const { slots } = await market.started(long());
      const [slot] = slots;
      const start = await market.demanding(slot!);
      const number = start / period;
      const end = start + period;
      // During the period, and in the first second after it.
      await expect(mark(slot!, number, start + 1n)).rejects.toThrow('Proofs_PeriodNotEnded');
      await expect(mark(slot!, number, end - 1n)).rejects.toThrow('Proofs_PeriodNotEnded');
      await expect(mark(slot!, number, end)).rejects.toThrow('Proofs_PeriodNotEnded');
      await expect(mark(slot!, number + 1n, end)).rejects.toThrow('Proofs_PeriodNotEnded');
      // Periods whose ends no number of 64 bits can say.
      await expect(mark(slot!, 2n ** 64n - 1n, end)).rejects.toThrow('Proofs_PeriodNotEnded');
      await expect(mark(slot!, 0n, end)).rejects.toThrow('Proofs_ValidationTimedOut');
      await mark(slot!, number, end + 1n);
      await expect(mark(slot!, number, end + 1n)).rejects.toThrow('Proofs_ProofAlreadyMarkedMissing');
      await expect(mark(slot!, number, end + 5n)).rejects.toThrow('Proofs_ValidationTimedOut');
      expect(await market.ask('missingProofs', [slot!])).toBe(1n);
      await expect(market.ask('canMarkProofAsMissing', [slot!, number], market.validator)).rejects.toThrow(
        'Proofs_ValidationTimedOut',
      );
    });

    it('is refused when the proof came', async () => {
      const { slots } = await market.started(long());
      const [slot] = slots;
      const start = await market.demanding(slot!);
      await market.send(market.host(0), 'submitProof', [slot!, PROOF]);
      await expect(mark(slot!, start / period, start + period + 1n)).rejects.toThrow('Proofs_ProofNotMissing');
    });

    it('is refused when none was required', async () => {
      const { slots } = await market.started(long());
      const [slot] = slots;
      const number = (await lab.now()) / period;
      // The period of the filling had its proof. The next ones: wait until the downtime hides one.
      await expect(mark(slot!, number, (number + 1n) * period + 1n)).rejects.toThrow('Proofs_ProofNotMissing');
      for (let tries = 0; tries < 50; tries++) {
        const next = (await lab.now()) / period + 1n;
        await market.at(next * period);
        const pointer = (await market.ask('getPointer', [slot!])) as number;
        if (pointer >= config.proofs.downtime - 2) continue;
        await expect(mark(slot!, next, (next + 1n) * period + 1n)).rejects.toThrow('Proofs_ProofNotRequired');
        return;
      }
      expect.unreachable('the pointer was never in the downtime');
    });

    it('is refused to the host: it would get back part of what it loses (R8)', async () => {
      const { slots } = await market.started(long());
      const [slot] = slots;
      const start = await market.demanding(slot!);
      const number = start / period;
      await expect(mark(slot!, number, start + period + 1n, market.host(0))).rejects.toThrow(
        'Marketplace_ValidatorIsHost',
      );
      await expect(market.ask('canMarkProofAsMissing', [slot!, number], market.host(0))).rejects.toThrow(
        'Marketplace_ValidatorIsHost',
      );
      await mark(slot!, number, start + period + 1n, market.host(1));
    });

    it('is refused for a slot that is not filled', async () => {
      const { at, slots } = await market.started();
      await expect(mark(slotIdOf(slots[0]!, 0n), 1n, at)).rejects.toThrow('Marketplace_SlotNotAcceptingProofs');
      await market.send(market.host(0), 'freeSlot', [slots[0]!]);
      await expect(mark(slots[0]!, 1n, at)).rejects.toThrow('Marketplace_SlotNotAcceptingProofs');
      await expect(mark(slots[1]!, (at + 980n) / period, at + 1001n)).rejects.toThrow(
        'Marketplace_SlotNotAcceptingProofs',
      );
    });

    it('counts misses of one filling only (R3)', async () => {
      const { id, slots } = await market.started(long());
      const [slot] = slots;
      await market.missed(slot!);
      await market.missed(slot!);
      expect(await market.ask('missingProofs', [slot!])).toBe(2n);
      await market.send(market.host(0), 'freeSlot', [slot!]);
      expect(await market.ask('missingProofs', [slot!])).toBe(0n);
      await market.filled(id, 0, market.host(4));
      expect(await market.ask('missingProofs', [slot!])).toBe(0n);
      await market.missed(slot!);
      expect(await market.ask('missingProofs', [slot!])).toBe(1n);
    });

    it('gives the validator its share, and slashes', async () => {
      const { slots } = await market.started(long());
      const wealth = await market.balance(market.validator);
      await market.missed(slots[0]!);
      const slashed = (100n * 1024n) / 10n;
      expect((await market.balance(market.validator)) - wealth).toBe(slashed / 5n);
      expect(await market.ask('currentCollateral', [slots[0]!])).toBe(100n * 1024n - slashed);
    });

    it('frees a slot at the first miss when no slash is allowed', async () => {
      const strict = await Market.create(lab, {
        config: { ...config, collateral: { ...config.collateral, maxNumberOfSlashes: 0, slashPercentage: 100 } },
      });
      const { slots } = await strict.started(strict.request({ duration: 1_000_000n }));
      expect((await strict.missed(slots[0]!)).names).toEqual(['Transfer', 'SlotFreed']);
    });
  });
});
