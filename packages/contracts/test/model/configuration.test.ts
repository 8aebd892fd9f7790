import { seededRandom } from '@codex/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configurationError } from '../../src/model/index.ts';
import { randomConfig, wildConfig } from './configs.ts';
import { errorNamed } from './errors.ts';
import { creationOf, Stage } from './stage.ts';

const SEED = Number(process.env.SEED ?? 3);
const CONFIGURATIONS = 400;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open(randomConfig(seededRandom(SEED)), 1);
}, 60_000);
afterAll(() => stage.close());

it(`says of any configuration what the constructor says (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const said = new Set<string | undefined>();
  for (let round = 0; round < CONFIGURATIONS; round++) {
    const config = random.int(4) === 0 ? randomConfig(random) : wildConfig(random);
    const expected = configurationError(config, stage);
    const data = await stage.tryCreation(creationOf(config, stage.token, stage.token));
    expect(data && errorNamed(data.slice(0, 10) as `0x${string}`), JSON.stringify(config.collateral)).toBe(expected);
    said.add(expected);
  }
  expect([...said].sort()).toEqual([
    'Marketplace_InsolventConfiguration',
    'Marketplace_MaximumSlashingTooHigh',
    'Marketplace_RepairRewardPercentageTooHigh',
    'Marketplace_SlashPercentageTooHigh',
    'Marketplace_ValidatorRewardPercentageTooHigh',
    'Periods_InvalidSecondsPerPeriod',
    undefined,
  ]);
});
