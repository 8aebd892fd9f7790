import { done, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';
import { freed, refilled } from './slot-waits.ts';

/** A host is killed for good; another one rebuilds its slot from those of others, and the contract goes on. */
export const HOST_DIES: Scenario = {
  name: 'host-dies',
  title: 'A host is killed for good, and another one rebuilds what it had',
  hosts: 4,
  pace: SMALL_PACE,
  async play(scene, source) {
    const { market } = scene;
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    await scene.filled(contract);
    scene.step('all slots are filled');
    await market.node('client').stop();
    const lost = market.node(scene.hostOf(contract, 0));
    await lost.kill();
    scene.step(`the client is stopped, and ${lost.name} is killed (SIGKILL), with it slot 0`);
    await freed(scene, contract, 0);
    await refilled(scene, contract, 0);
    const next = scene.hostOf(contract, 0);
    scene.expect('the slot is at another host', next !== lost.name);
    scene.step(`${next} has rebuilt slot 0`);
    await scene.read(contract, 'validator');
    scene.step('the file was read from hosts');
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await market.network.restart(market.node('client'), { ...(scene.signal && { signal: scene.signal }) });
    await scene.refunded(contract);
    const missed = of(done(scene.sights, 'markProofAsMissing'), contract);
    scene.expect(
      'nobody but the dead host missed proofs',
      missed.every(({ slotIndex }) => slotIndex === 0),
    );
    scene.expectOnlyLate();
  },
};
