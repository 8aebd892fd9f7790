import { done, eventOf, of, type Scene } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

/** A power cut: all nodes are killed at once, and started again. The first of them is who the others join through. */
async function powerCut({ market: { network }, signal }: Scene): Promise<void> {
  const options = signal ? { signal } : {};
  await Promise.all(network.nodes.map((node) => network.kill9(node)));
  const [first, ...others] = network.nodes;
  if (first) await network.restart(first, options);
  await Promise.all(others.map((node) => network.restart(node, options)));
}

/** All processes but the chain are killed at once: first while hosts are filling slots, then while they prove. */
export const RESTART_OF_EVERYONE: Scenario = {
  name: 'restart-of-everyone',
  title: 'All nodes are killed at once while hosts fill, and again while they prove; everything goes on',
  hosts: 3,
  pace: SMALL_PACE,
  async play(scene, source) {
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    await scene.when('A slot is reserved', (sights) => of(done(sights, 'reserveSlot'), contract)[0]);
    await powerCut(scene);
    scene.step('all nodes were killed (SIGKILL) while slots are reserved and fetched, and started again');
    await scene.filled(contract);
    scene.step('all slots are filled');
    await scene.quiet([contract]);
    await powerCut(scene);
    scene.step('all nodes were killed while they prove, and started again');
    await scene.quiet([contract]);
    scene.step('every slot is proved again');
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await scene.refunded(contract);
    scene.expect('no slot was taken away', eventOf(scene.sights, contract, 'SlotFreed') === undefined);
    // One that was in the journal and not on the wire goes out after the restart, in another period perhaps.
    scene.expectOnlyLate(({ call }) => call === 'submitProof');
  },
};
