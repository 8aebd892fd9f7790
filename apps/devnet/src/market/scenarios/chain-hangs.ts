import { setTimeout as sleep } from 'node:timers/promises';
import { done, eventOf, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

/** Longer than an end point is given for an answer. */
const HANGS_MS = 12_000;

/** The process of the chain stands still: connections are taken, and nobody answers. It may cost the period in which it ends, and no slot. */
export const CHAIN_HANGS: Scenario = {
  name: 'chain-hangs',
  title: 'The chain takes calls and answers none for 12 s; nobody loses a slot for it, and all are paid',
  hosts: 3,
  pace: SMALL_PACE,
  async play(scene, source) {
    const { chain } = scene.market;
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    await scene.filled(contract);
    scene.step('all slots are filled');
    await scene.quiet([contract]);
    const missed = () => of(done(scene.sights, 'markProofAsMissing'), contract).length;
    const before = missed();
    const { time } = scene;
    chain.freeze();
    scene.step('every slot is proved; the chain answers no more');
    try {
      await sleep(HANGS_MS, undefined, { signal: scene.signal });
    } finally {
      chain.thaw();
    }
    await scene.when('Blocks come again', (_, now) => (now > time + 1 ? true : undefined));
    await scene.quiet([contract]);
    scene.step('it answers again, and every slot is proved again');
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await scene.refunded(contract);
    scene.expect('no slot was taken away', eventOf(scene.sights, contract, 'SlotFreed') === undefined);
    const reported = missed() - before;
    scene.expect(
      `of each slot one missed proof was reported at most, not ${reported} in all`,
      reported <= contract.slots,
    );
    // They waited in the chain, or for its answer, into another period.
    scene.expectOnlyLate(({ call }) => call === 'submitProof' || call === 'markProofAsMissing');
  },
};
