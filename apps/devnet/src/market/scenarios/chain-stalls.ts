import { setTimeout as sleep } from 'node:timers/promises';
import { outlivesPause } from './pause.ts';
import { type Scenario, SMALL_PACE } from './scenario.ts';

const { periodSeconds: PERIOD } = SMALL_PACE;
/** Whole periods without any block. */
const STALLED_PERIODS = 2;

/**
 * No blocks for two periods, in which nobody can prove. The first block after them is of a later period: of those that passed
 * without one the rules let the validator report the last, and a single miss costs nobody a slot.
 */
export const CHAIN_STALLS: Scenario = {
  name: 'chain-stalls',
  title: 'The chain makes no blocks for two periods; nobody loses a slot for it, and all are paid',
  hosts: 3,
  pace: SMALL_PACE,
  play(scene, source) {
    const { chain } = scene.market;
    return outlivesPause(scene, source, async () => {
      const { time: stalled } = scene;
      await chain.stopBlocks();
      scene.step('every slot is proved; the chain makes no more blocks');
      // Early in a period, so that its proofs can be in time.
      const again = (Math.floor(stalled / PERIOD) + 1 + STALLED_PERIODS) * PERIOD + 1;
      await sleep((again - stalled) * 1000, undefined, { signal: scene.signal });
      await chain.startBlocks();
      const first = await scene.when('Blocks come again', (_, time) => (time >= again - PERIOD ? time : undefined));
      scene.step(`blocks come again: the first is ${first - stalled} s younger than the last`);
    });
  },
};
