import { done, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';
import { freed, refilled } from './slot-waits.ts';

const LIAR = 'host-1';

/** A host fills a slot honestly, and then sends wrong proofs: it loses the slot and its collateral, and an honest host takes it over. */
export const HOST_LIES: Scenario = {
  name: 'host-lies',
  title: 'A host sends wrong proofs, loses its slot and collateral, and an honest host takes over',
  hosts: 4,
  pace: SMALL_PACE,
  market: () => ({ argsOf: (name) => (name === LIAR ? ['--simulate-proof-failures=1'] : []) }),
  async play(scene, source) {
    const { market } = scene;
    // So that the liar has a slot for certain, the fourth host comes later.
    const [first, second, third, fourth] = market.hosts;
    await scene.offer(SMALL_OFFER, [first!, second!, third!]);
    const contract = await scene.buy(source, smallTerms());
    await scene.filled(contract);
    const slotIndex = scene.slotOf(contract, LIAR);
    scene.step(`all slots are filled; ${LIAR} has slot ${slotIndex}`);
    await scene.offer(SMALL_OFFER, [fourth!]);
    await freed(scene, contract, slotIndex);
    scene.step(`slot ${slotIndex} was taken from ${LIAR}`);
    const proof = await refilled(scene, contract, slotIndex, (name) => name !== LIAR);
    scene.step(`${market.nameOf(proof.from)} has it, and proves it`);
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await scene.refunded(contract);
    const { sights } = scene;
    const byLiar = of(done(sights, 'submitProof'), contract).filter(({ from }) => market.nameOf(from) === LIAR);
    scene.expect('no wrong proof was taken', byLiar.length === 0);
    const missed = of(done(sights, 'markProofAsMissing'), contract);
    scene.expect(
      'nobody but the liar missed proofs',
      missed.every((sight) => sight.slotIndex === slotIndex),
    );
    scene.expectOnlyLate();
  },
};
