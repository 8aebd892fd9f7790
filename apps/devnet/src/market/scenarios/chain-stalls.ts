import { setTimeout as sleep } from 'node:timers/promises';
import { done, eventOf, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

const { periodSeconds: PERIOD } = SMALL_PACE;
/** Whole periods without any block. */
const STALLED_PERIODS = 2;

/**
 * No blocks for two periods, in which nobody can prove. The first block after them is of a later period: of those that passed
 * without one the rules let the validator report the last, and a single miss costs nobody a slot.
 */
export const CHAIN_STALLS: Scenario = {
  name: 'chain-stalls',
  title: 'The chain makes no blocks for two periods; nobody loses a slot for it, and all are paid',
  hosts: 3,
  pace: SMALL_PACE,
  async play(scene, source) {
    const { chain } = scene.market;
    const { signal } = scene;
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    await scene.filled(contract);
    scene.step('all slots are filled');
    await scene.quiet([contract]);
    const { time: stalled } = scene;
    const missed = () => of(done(scene.sights, 'markProofAsMissing'), contract).length;
    const before = missed();
    await chain.stopBlocks();
    scene.step('every slot is proved; the chain makes no more blocks');
    // Early in a period, so that its proofs can be in time.
    const again = (Math.floor(stalled / PERIOD) + 1 + STALLED_PERIODS) * PERIOD + 1;
    await sleep((again - stalled) * 1000, undefined, { signal });
    await chain.startBlocks();
    const first = await scene.when('Blocks come again', (_, time) => (time >= again - PERIOD ? time : undefined));
    scene.step(`blocks come again: the first is ${first - stalled} s younger than the last`);
    await scene.quiet([contract]);
    scene.step('every slot is proved again');
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
