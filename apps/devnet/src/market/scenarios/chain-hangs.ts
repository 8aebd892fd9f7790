import { setTimeout as sleep } from 'node:timers/promises';
import { outlivesPause } from './pause.ts';
import { type Scenario, SMALL_PACE } from './scenario.ts';

/** Longer than an end point is given for an answer. */
const HANGS_MS = 12_000;

/** The process of the chain stands still: connections are taken, and nobody answers. It may cost the period in which it ends, and no slot. */
export const CHAIN_HANGS: Scenario = {
  name: 'chain-hangs',
  title: 'The chain takes calls and answers none for 12 s; nobody loses a slot for it, and all are paid',
  hosts: 3,
  pace: SMALL_PACE,
  play(scene, source) {
    const { chain } = scene.market;
    return outlivesPause(scene, source, async () => {
      const { time } = scene;
      chain.freeze();
      scene.step('every slot is proved; the chain answers no more');
      try {
        await sleep(HANGS_MS, undefined, { signal: scene.signal });
      } finally {
        chain.thaw();
      }
      await scene.when('Blocks come again', (_, now) => (now > time + 1 ? true : undefined));
      scene.step('it answers again');
    });
  },
};
