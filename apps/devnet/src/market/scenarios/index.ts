import { CHAIN_HANGS } from './chain-hangs.ts';
import { CHAIN_STALLS } from './chain-stalls.ts';
import { CLIENT_DIES } from './client-dies.ts';
import { EXPIRY_REFUND } from './expiry-refund.ts';
import { HAPPY_PATH } from './happy-path.ts';
import { HOST_DIES } from './host-dies.ts';
import { HOST_LIES } from './host-lies.ts';
import { NO_COLLATERAL } from './no-collateral.ts';
import { NO_SPACE } from './no-space.ts';
import { RESTART_OF_EVERYONE } from './restart-of-everyone.ts';
import { RPC_FLAPS } from './rpc-flaps.ts';
import type { Scenario } from './scenario.ts';
import { VALIDATOR_ALONE } from './validator-alone.ts';

export { playScenario, type Scenario, type ScenarioResult } from './scenario.ts';

/** All of them, in the order in which they are told. */
export const SCENARIOS: readonly Scenario[] = [
  HAPPY_PATH,
  HOST_DIES,
  HOST_LIES,
  VALIDATOR_ALONE,
  EXPIRY_REFUND,
  NO_SPACE,
  NO_COLLATERAL,
  CLIENT_DIES,
  CHAIN_STALLS,
  CHAIN_HANGS,
  RPC_FLAPS,
  RESTART_OF_EVERYONE,
];
