import { done, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';
import { failed } from './slot-waits.ts';

/** All hosts die: the validator reports what is missing until the request fails, and the client gets back what nobody earned. */
export const VALIDATOR_ALONE: Scenario = {
  name: 'validator-alone',
  title: 'All hosts die: the validator reports it, the request fails, and the client is refunded',
  hosts: 3,
  pace: SMALL_PACE,
  async play(scene, source) {
    const { market } = scene;
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    await scene.filled(contract);
    scene.step('all slots are filled');
    await Promise.all(market.hosts.map((host) => host.kill()));
    scene.step('all hosts are killed (SIGKILL)');
    const failure = await failed(scene, contract);
    scene.expect('the validator has reported it', market.nameOf(failure.from) === 'validator');
    scene.step('two of three slots are lost: the request has failed');
    const refund = await scene.refunded(contract);
    scene.expect('the client got something back', (refund.transfers[0]?.amount ?? 0n) > 0n);

    const sights = of(scene.sights, contract);
    const lost = sights.filter(({ events }) => events.includes('SlotFreed')).map(({ slotIndex }) => slotIndex);
    const [last, ...others] = done(sights, 'fillSlot').filter(({ slotIndex }) => !lost.includes(slotIndex));
    scene.expect('one slot was not lost', last !== undefined && others.length === 0);
    // Of that, what its host has earned and put down waits for it; one unit a byte and second, one a byte.
    const marks = done(sights, 'markProofAsMissing').filter(({ slotIndex }) => slotIndex === last!.slotIndex);
    const slashed = (contract.slotSize * BigInt(market.rules.config.collateral.slashPercentage)) / 100n;
    const owed = contract.slotSize * BigInt(failure.time - last!.time + 1) - slashed * BigInt(marks.length);
    scene.expect(
      'the marketplace keeps what the third host is owed, and no more',
      (await market.watch.balance(market.chain.marketplace)) === owed,
    );
    // Three reports in one block: that which comes after the second is late.
    scene.expectOnlyLate(({ call, block }) => call === 'markProofAsMissing' && block === failure.block);
  },
};
