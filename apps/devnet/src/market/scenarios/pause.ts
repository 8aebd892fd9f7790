import type { SourceFile } from '../../source-file.ts';
import { done, eventOf, of, type Scene } from '../scene.ts';
import { SMALL_OFFER, smallTerms } from './scenario.ts';

/**
 * A contract runs, every slot is proved, the chain pauses, and all goes on: a miss of each slot may be reported, no slot is taken
 * away, all are paid. `pause` resolves when blocks come again.
 */
export async function outlivesPause(scene: Scene, source: SourceFile, pause: () => Promise<void>): Promise<void> {
  await scene.offer(SMALL_OFFER);
  const contract = await scene.buy(source, smallTerms());
  await scene.filled(contract);
  scene.step('all slots are filled');
  await scene.quiet([contract]);
  const missed = () => of(done(scene.sights, 'markProofAsMissing'), contract).length;
  const before = missed();
  await pause();
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
}
