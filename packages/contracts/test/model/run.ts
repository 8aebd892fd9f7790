import { type Random, seededRandom } from '@codex/runtime';
import type { ModelConfig } from '../../src/model/index.ts';
import { randomConfig } from './configs.ts';
import { payersLeft } from './drain.ts';
import { type Coverage, Disagreement, Play, type Scene, type Subject } from './play.ts';
import { Player } from './player.ts';
import { shrink } from './shrink.ts';

export interface RunResult {
  readonly steps: number;
  readonly coverage: Coverage;
}

/** Plays `steps` steps, and lets everybody collect; all of it follows from the seed. A disagreement is thrown with its smallest play. */
export async function run(seed: number, steps: number, spoil = (config: ModelConfig) => config): Promise<RunResult> {
  const random = seededRandom(seed);
  const config = randomConfig(random);
  const subject = { config, modelled: spoil(config) };
  const play = await Play.open(subject);
  try {
    await perform(play, random, steps);
    return { steps: play.steps, coverage: play.coverage };
  } catch (error) {
    if (!(error instanceof Disagreement)) throw error;
    throw new Error(await report(seed, subject, play.scenes, error), { cause: error });
  } finally {
    await play.close();
  }
}

async function perform(play: Play, random: Random, steps: number): Promise<void> {
  const player = new Player(random);
  const opening = player.opening(play.world).map((act) => () => act);
  await play.block({ advance: 1n, skip: 0, looker: 0 }, opening);
  while (play.steps < steps) {
    const calls = Array.from({ length: player.calls() }, () => player.next.bind(player));
    await play.block(player.timing(play.world), calls);
  }
  for (const { timing, acts } of payersLeft(play.world)) {
    await play.block(
      timing,
      acts.map((act) => () => act),
    );
  }
  play.checkEmpty();
}

/** The seed, and the fewest calls that still disagree. */
async function report(seed: number, subject: Subject, scenes: readonly Scene[], error: Disagreement): Promise<string> {
  const fewest = await shrink(subject, scenes);
  const text = (value: unknown) => JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}` : item));
  const lines = fewest.scenes.map(({ timing, acts }) =>
    [text(timing), ...acts.map((act) => `  ${text(act)}`)].join('\n'),
  );
  return [
    `Seed ${seed}: ${error.message}`,
    `Configuration ${text(subject.config)}`,
    `Smallest play found (${fewest.message}), ${fewest.scenes.flatMap(({ acts }) => acts).length} calls:`,
    ...lines,
  ].join('\n');
}
