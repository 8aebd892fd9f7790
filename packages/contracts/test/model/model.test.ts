import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { keccak256, toHex } from 'viem';
import { describe, expect, it } from 'vitest';
import {
  type Address,
  type Block,
  brokenInvariants,
  brokenTransitions,
  MarketplaceModel,
  statesSeen,
} from '../../src/model/index.ts';
import type { RequestRecord } from '../../src/model/market-state.ts';
import { randomConfig } from './configs.ts';
import { payersLeft } from './drain.ts';
import { Player, PUPPETS } from './player.ts';
import { fold, wordsSeen } from './seen.ts';
import { type Act, isSettled, type World } from './world.ts';

const puppets = Array.from({ length: PUPPETS }, (_, at): Address => `0x${`${at + 1}`.repeat(40)}`);
const MARKET: Address = `0x${'ee'.repeat(20)}`;

/** The model on a chain of which only the clock is real. */
class Alone {
  readonly model: MarketplaceModel;
  readonly watched: RequestRecord[] = [];
  number = 1000n;
  timestamp = 1_700_000_000n;
  donated = 0n;

  constructor(seed: number) {
    this.model = new MarketplaceModel(randomConfig(seededRandom(seed)), MARKET);
  }

  get world(): World {
    const block: Block = {
      number: this.number,
      timestamp: this.timestamp,
      hashOf: (number) => keccak256(toHex(number)),
    };
    return { state: this.model.state, block, puppets, watched: this.watched };
  }

  pass(seconds: bigint): string[] {
    const before = statesSeen(this.model.state, this.world.block);
    this.number++;
    this.timestamp += seconds;
    const { state, block } = this.world;
    return [
      ...brokenTransitions(before, statesSeen(state, block), 'time'),
      ...brokenInvariants(state, block, this.donated),
    ];
  }

  /** What is wrong after the call. */
  act({ actor, call }: Act): string[] {
    const { state, block } = this.world;
    const before = statesSeen(state, block);
    const words = this.#words();
    const result = this.model.apply(call, puppets[actor]!, block);
    if (result.ok && call.name === 'transfer' && call.to === MARKET) this.donated += call.amount;
    const broken = [
      ...brokenTransitions(before, statesSeen(state, block), call.name),
      ...brokenInvariants(state, block, this.donated),
    ];
    if (!result.ok && this.#words() !== words) broken.push(`${call.name} failed, and changed something`);
    if (result.ok && call.name === 'requestStorage') this.watched.push([...state.requests.values()].at(-1)!);
    const settled = this.watched.findIndex((record) => isSettled(state, record));
    if (settled >= 0) this.watched.splice(settled, 1);
    return broken;
  }

  #words(): bigint {
    return fold(wordsSeen({ ...this.world, looker: 0 }));
  }
}

/** A life is a list of moments: each is chosen by its own number, so that any of them can be left out. */
const moments = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 40 })), { minLength: 50, maxLength: 400, size: 'max' });

describe('the model alone', () => {
  it('keeps every invariant, whatever comes', () => {
    fc.assert(
      fc.property(fc.nat(), moments, (seed, life) => {
        const alone = new Alone(seed);
        for (const act of new Player(seededRandom(seed)).opening(alone.world)) expect(alone.act(act)).toEqual([]);
        for (const [luck, seconds] of life) {
          expect(alone.pass(BigInt(seconds))).toEqual([]);
          expect(alone.act(new Player(seededRandom(luck)).next(alone.world))).toEqual([]);
        }
        // In the end everybody takes what is theirs, and nothing stays.
        for (const { timing, acts } of payersLeft(alone.world)) {
          expect(alone.pass(timing.advance)).toEqual([]);
          for (const act of acts) expect(alone.act(act)).toEqual([]);
        }
        expect(alone.model.state.token.balanceOf(MARKET)).toBe(alone.donated);
      }),
      { numRuns: 30 },
    );
  });
});
