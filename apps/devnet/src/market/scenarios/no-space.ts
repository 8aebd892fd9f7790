import { isCodexError } from '@codex/runtime';
import type { Pace } from '../rules.ts';
import { done, of } from '../scene.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

const FULL = 'host-1';
const ONE_SLOT = 'host-2';
/** Bytes: the scenarios' file fits, and then no slot of it does. */
const SMALL_QUOTA = 4 * 65_536;
/** Two hosts have two slots each to prove, and would not take them if they could not be sure to do it in time. */
const PACE: Pace = { ...SMALL_PACE, periodSeconds: 15 };
const TERMS = smallTerms({ duration: 40 * PACE.periodSeconds, expiry: 12 * PACE.periodSeconds });

/**
 * A host whose quota is full cannot offer a slot, one with room for one slot takes one and no more, others take what they can. When
 * the first one has deleted something it takes a slot of a second contract that the other has no room for.
 */
export const NO_SPACE: Scenario = {
  name: 'no-space',
  title: 'Hosts without space take no slot, those with some take what fits, and nobody loses anything',
  hosts: 4,
  pace: PACE,
  market: () => ({ argsOf: (name) => (name === FULL ? [`--storage-quota=${SMALL_QUOTA}`] : []) }),
  async play(scene, source) {
    const { market, signal } = scene;
    const full = market.node(FULL);
    const oneSlot = market.node(ONE_SLOT);
    const large = market.hosts.filter((host) => host !== full && host !== oneSlot);
    const first = await scene.buy(source, TERMS);
    const offer = { ...SMALL_OFFER, totalSize: Number(first.slotSize) };

    const kept = await full.rest.upload(source.path, { name: source.name, size: source.size, signal });
    const refusal = await scene.offer(offer, [full]).catch((error: unknown) => error);
    scene.expect(
      'the full host may not offer a slot',
      isCodexError(refusal, 'NODE_REFUSED') && refusal.data.status === 422,
    );
    scene.step(`${FULL} is full: its offer is refused`);

    await scene.offer(SMALL_OFFER, large);
    await scene.offer(offer, [oneSlot]);
    await scene.filled(first);
    scene.expect('the host with room for one slot has one', scene.slotOf(first, ONE_SLOT) >= 0);
    scene.step(`${ONE_SLOT} has room for one slot, and has taken it`);

    await full.rest.remove(kept.cid, signal);
    await scene.offer(offer, [full]);
    const second = await scene.buy(source, TERMS);
    await scene.filled(second);
    scene.expect('the host that was full has a slot of the second contract', scene.slotOf(second, FULL) >= 0);
    scene.step(`${FULL} has deleted something, and taken what ${ONE_SLOT} had no room for`);

    await scene.skipTo(Math.max(first.end, second.end), [first, second]);
    for (const contract of [first, second]) {
      await scene.paid(contract);
      await scene.refunded(contract);
    }
    scene.expect(
      'the host with room for one slot asked for no other',
      of(scene.sights, second).every(({ from }) => market.nameOf(from) !== ONE_SLOT),
    );
    scene.expect('no proof was missed', done(scene.sights, 'markProofAsMissing').length === 0);
    scene.expectOnlyLate();
  },
};
