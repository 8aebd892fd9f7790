import type { KeySection, ProvingKey } from '../format/types.ts';
import { QUOTIENT_STEPS } from './quotient.ts';

/** Sums by the section of the key; what the last of them is made of; the turn into a random proof. */
export type ProvingPhase = Exclude<KeySection, 'b1'> | 'quotient' | 'randomness';

export interface ProveEvents {
  /** How much is done, from 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
  /** A phase begins or ends; they overlap. */
  readonly onPhase?: ((phase: ProvingPhase, event: 'begin' | 'end') => void) | undefined;
}

/** What a point of G2 costs, in points of G1. */
const G2_COST = 3;

/** What one step of the quotient costs for each element of the domain, in points of G1. */
const STEP_COST = 0.1;

/** Tells how far a proof is. */
export class Progress {
  readonly #events: ProveEvents;
  readonly #total: number;
  readonly #perStep: number;
  #done = 0;

  constructor(key: ProvingKey, events: ProveEvents) {
    this.#events = events;
    this.#perStep = STEP_COST * 2 ** key.domainBits;
    const points = (['a', 'c', 'h'] as const).reduce((sum, section) => sum + key.pointsIn(section), 0);
    this.#total = points + G2_COST * key.pointsIn('b2') + QUOTIENT_STEPS * this.#perStep;
  }

  summed(section: KeySection, points: number): void {
    this.#advance(section === 'b2' ? G2_COST * points : points);
  }

  stepped(): void {
    this.#advance(this.#perStep);
  }

  async phase<T>(phase: ProvingPhase, work: () => Promise<T>): Promise<T> {
    this.#events.onPhase?.(phase, 'begin');
    const result = await work();
    this.#events.onPhase?.(phase, 'end');
    return result;
  }

  #advance(cost: number): void {
    this.#done += cost;
    this.#events.onProgress?.(Math.min(1, this.#done / this.#total));
  }
}
