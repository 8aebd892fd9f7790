import { done, eventOf, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

/**
 * The client is killed when its request is in a block: hosts have nobody to fetch from until it is back. Then it is killed
 * again, and comes back when the contract is over.
 */
export const CLIENT_DIES: Scenario = {
  name: 'client-dies',
  title: 'The client is killed after its request, and again while the contract runs; it gets what was not used, once',
  hosts: 3,
  pace: SMALL_PACE,
  async play(scene, source) {
    const { network } = scene.market;
    const client = scene.market.node('client');
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    await network.kill9(client);
    scene.step('the client is killed (SIGKILL): its request is in a block, and nobody else has the file');
    await network.restart(client, { ...(scene.signal && { signal: scene.signal }) });
    scene.step('the client is back');
    await scene.filled(contract);
    scene.step('all slots are filled');
    await network.kill9(client);
    scene.step('the client is killed again: hosts alone have the file');
    await scene.proved(contract);
    await scene.read(contract, 'validator');
    scene.step('the file was read from hosts');
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await network.restart(client, { ...(scene.signal && { signal: scene.signal }) });
    scene.step('all hosts are paid, and the client is back');
    await scene.refunded(contract);
    const mine = (call: string) => of(done(scene.sights, call), contract).length;
    scene.expect('the request was made once', mine('requestStorage') === 1);
    scene.expect('the client took its money back once', mine('withdrawFunds') === 1);
    scene.expect('no slot was taken away', eventOf(scene.sights, contract, 'SlotFreed') === undefined);
    scene.expectOnlyLate();
  },
};
