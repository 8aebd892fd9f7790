import { done, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

/** Nothing goes wrong: a file is bought, hosted, proved, read from hosts, and paid. */
export const HAPPY_PATH: Scenario = {
  name: 'happy-path',
  title: 'A file is bought, hosted, proved in every period, and paid for',
  hosts: 3,
  pace: SMALL_PACE,
  async play(scene, source) {
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    await scene.filled(contract);
    scene.step('all slots are filled');
    await scene.read(contract, 'validator');
    scene.step('the file was read from hosts');
    await scene.proved(contract, 2);
    scene.step('every slot was proved in two periods');
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await scene.refunded(contract);
    scene.expect('no proof was missed', done(scene.sights, 'markProofAsMissing').length === 0);
    const fills = of(done(scene.sights, 'fillSlot'), contract);
    scene.expect('each host has one slot', new Set(fills.map(({ from }) => from)).size === contract.slots);
    scene.expectOnlyLate();
  },
};
