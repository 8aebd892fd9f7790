import { eventOf } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

const POOR = 'host-1';
/** Units of the token: less than a slot of any size costs. */
const FEW = 1_000n;

/** A host without the tokens for the collateral takes no slot and sends nothing; others do. */
export const NO_COLLATERAL: Scenario = {
  name: 'no-collateral',
  title: 'A host has too few tokens for the collateral: it takes no slot and sends nothing, and others do',
  hosts: 4,
  pace: SMALL_PACE,
  market: () => ({ tokensOf: (name) => (name === POOR ? FEW : undefined) }),
  async play(scene, source) {
    const { market } = scene;
    await scene.offer(SMALL_OFFER, [market.node(POOR)]);
    const contract = await scene.buy(source, smallTerms());
    // It is alone, and looks at the slots before anybody else does.
    await scene.said(POOR, 'Too few tokens for the collateral of a slot');
    scene.step(`${POOR} says that it has too few tokens`);
    await scene.offer(
      SMALL_OFFER,
      market.hosts.filter(({ name }) => name !== POOR),
    );
    await scene.filled(contract);
    scene.step('others have filled all slots');
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await scene.refunded(contract);
    scene.expect(
      `${POOR} has sent nothing`,
      scene.sights.every(({ from }) => market.nameOf(from) !== POOR),
    );
    scene.expect('no slot was taken away', eventOf(scene.sights, contract, 'SlotFreed') === undefined);
    scene.expectOnlyLate();
  },
};
