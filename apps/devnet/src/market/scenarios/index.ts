import { HAPPY_PATH } from './happy-path.ts';
import type { Scenario } from './scenario.ts';

export { type PlayInit, playScenario, type Scenario, type ScenarioResult } from './scenario.ts';

/** All of them, in the order in which they are told. */
export const SCENARIOS: readonly Scenario[] = [HAPPY_PATH];
