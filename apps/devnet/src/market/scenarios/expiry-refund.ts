import { done, eventOf, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

/** Too few hosts: the request expires, the client gets its money back, and those who came are paid for their time. */
export const EXPIRY_REFUND: Scenario = {
  name: 'expiry-refund',
  title: 'Two hosts for three slots: the request expires, the client is refunded, hosts are paid for their time',
  hosts: 2,
  pace: SMALL_PACE,
  async play(scene, source) {
    const { market } = scene;
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    const fills = await scene.when('Both hosts have a slot', (sights) => {
      const found = of(done(sights, 'fillSlot'), contract);
      return found.length === 2 ? found : undefined;
    });
    scene.step('two of three slots are filled');
    await scene.skipTo(contract.expiry, [contract]);
    const refund = await scene.when('The client gets its money back', (sights) =>
      eventOf(sights, contract, 'RequestCancelled'),
    );
    scene.step('the request has expired, and the client is refunded');
    const payouts = await scene.when('Both hosts are paid', (sights) => {
      const found = of(done(sights, 'freeSlot'), contract);
      return found.length === 2 ? found : undefined;
    });
    // One unit a byte and second, from the filling to the expiry; and the collateral, one a byte.
    const earned = fills.map(({ from, time }) => ({
      from,
      amount: contract.slotSize * BigInt(contract.expiry - time),
    }));
    for (const { from, amount } of earned) {
      const paid = payouts.find((sight) => sight.from === from)?.transfers ?? [];
      const sum = paid.reduce((total, transfer) => total + transfer.amount, 0n);
      scene.expect(`${market.nameOf(from)} got its pay and its collateral`, sum === amount + contract.slotSize);
    }
    const asked = of(done(scene.sights, 'requestStorage'), contract)[0]!.transfers[0]!.amount;
    const spent = earned.reduce((total, { amount }) => total + amount, 0n);
    scene.expect('the client got all the rest', refund.transfers[0]?.amount === asked - spent);
    scene.expect('no proof was missed', done(scene.sights, 'markProofAsMissing').length === 0);
    scene.expectOnlyLate();
  },
};
