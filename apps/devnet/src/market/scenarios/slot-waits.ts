import { type Contract, done, eventOf, of, type Scene, STEP_MS } from '../scene.ts';
import type { Sight } from '../sight.ts';

/** Two missed proofs, reported, take up to four periods; fetching and proving anew takes two; a busy machine as much again. */
const PERIODS = 12;

const patienceOf = ({ market }: Scene) => PERIODS * market.pace.periodSeconds * 1000 + STEP_MS;

/** Resolves when a slot was taken from its host. Errors: `STORY_STUCK`, `STORY_FAILED` when the request ends before. */
export function freed(scene: Scene, contract: Contract, slotIndex: number): Promise<Sight> {
  return scene.when(
    'The slot is taken away',
    (sights) =>
      of(scene.alive(sights, contract), contract).find(
        (sight) => sight.slotIndex === slotIndex && sight.events.includes('SlotFreed'),
      ),
    patienceOf(scene),
  );
}

/**
 * Resolves when a slot that was taken away is filled again, and has been proved by a host that `isGood` after that. Errors: `STORY_STUCK`,
 * `STORY_FAILED` when the request ends before.
 */
export function refilled(
  scene: Scene,
  contract: Contract,
  slotIndex: number,
  isGood: (name: string) => boolean = () => true,
): Promise<Sight> {
  return scene.when(
    'Another host has the slot, and proves it',
    (sights) => {
      const ofSlot = of(scene.alive(sights, contract), contract).filter((sight) => sight.slotIndex === slotIndex);
      const freedAt = ofSlot.findLastIndex(({ events }) => events.includes('SlotFreed'));
      const proof = done(ofSlot.slice(freedAt + 1), 'submitProof')[0];
      return proof && isGood(scene.market.nameOf(proof.from)) ? proof : undefined;
    },
    patienceOf(scene),
  );
}

/** Resolves when a request has failed. Error: `STORY_STUCK`. */
export function failed(scene: Scene, contract: Contract): Promise<Sight> {
  return scene.when('The request fails', (sights) => eventOf(sights, contract, 'RequestFailed'), patienceOf(scene));
}
