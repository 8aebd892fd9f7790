import { seededRandom } from '@codex/runtime';
import type { ModelConfig } from '../../src/model/index.ts';
import { randomConfig } from './configs.ts';
import { payersLeft } from './drain.ts';
import { type Coverage, Disagreement, Play, type Scene } from './play.ts';
import { Player } from './player.ts';
import { shrink } from './shrink.ts';

export interface RunResult {
  readonly steps: number;
  readonly coverage: Coverage;
}

/** Plays `steps` steps of a configuration, and lets everybody collect; all of it follows from the seed. */
export async function run(seed: number, steps: number): Promise<RunResult> {
  const random = seededRandom(seed);
  const config = randomConfig(random);
  const play = await Play.open(config);
  try {
    const player = new Player(random);
    await play.block(
      { advance: 1n, skip: 0, looker: 0 },
      player.opening(play.world).map((act) => () => act),
    );
    while (play.steps < steps) {
      const calls = Array.from({ length: player.calls() }, () => player.next.bind(player));
      await play.block(player.timing(play.world), calls);
    }
    for (const { timing, acts } of payersLeft(play.world))
      await play.block(
        timing,
        acts.map((act) => () => act),
      );
    play.checkEmpty();
    return { steps: play.steps, coverage: play.coverage };
  } catch (error) {
    if (!(error instanceof Disagreement)) throw error;
    await play.close();
    throw new Error(await report(seed, config, play.scenes, error), { cause: error });
  } finally {
    await play.close();
  }
}

/** The seed, and the fewest calls that still disagree. */
async function report(
  seed: number,
  config: ModelConfig,
  scenes: readonly Scene[],
  error: Disagreement,
): Promise<string> {
  const fewest = await shrink(config, scenes);
  const text = (value: unknown) => JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}` : item));
  const lines = fewest.scenes.map(({ timing, acts }) =>
    [text(timing), ...acts.map((act) => `  ${text(act)}`)].join('\n'),
  );
  return [
    `Seed ${seed}: ${error.message}`,
    `Configuration ${text(config)}`,
    `Smallest play found (${fewest.message}):`,
    ...lines,
  ].join('\n');
}
