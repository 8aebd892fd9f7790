import { eventOf } from '../scene.ts';
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
    await scene.proved(contract);
    scene.step('every slot is proved');
    await scene.read(contract, 'validator');
    scene.step('the file was read from hosts');
    await scene.paid(contract);
    await scene.refunded(contract);
    scene.expect('no slot was taken away', eventOf(scene.sights, contract, 'SlotFreed') === undefined);
  },
};
