import type { AbortOptions } from '@codex/runtime';
import type { SourceFile } from '../../source-file.ts';
import { checkMoney, type MoneyResult } from '../check-money.ts';
import { Market, type MarketInit } from '../market.ts';
import type { Offer, Terms } from '../market-rest.ts';
import type { Pace } from '../rules.ts';
import { done, Scene, type StoryListener } from '../scene.ts';

/** A marketplace on which something happens, and what must come of it. */
export interface Scenario {
  /** As in `npm start -- --scenario NAME`. */
  readonly name: string;
  /** What it shows, in one line. */
  readonly title: string;
  readonly hosts: number;
  readonly pace: Pace;
  /** What this marketplace has that others have not. Whatever it starts ends with `end`. */
  readonly market?: () => ScenarioMarket;
  /** Errors: `STORY_STUCK`, `STORY_FAILED`, `CONTENT_DIFFERS`, and those of nodes. */
  play(scene: Scene, source: SourceFile): Promise<void>;
}

export interface ScenarioMarket extends Pick<MarketInit, 'argsOf' | 'tokensOf' | 'providersOf'> {
  readonly end?: () => Promise<void>;
}

/** What came of a scenario that went as it should. */
export interface ScenarioResult extends MoneyResult {
  readonly scenario: string;
  /** Calls of the marketplace, those of them that the chain refused, proofs that it took, and those that were missed. */
  readonly calls: number;
  readonly reverted: number;
  readonly proofs: number;
  readonly missed: number;
}

/** What three hosts prove in time on two cores. */
export const SMALL_PACE: Pace = { blockSeconds: 1, periodSeconds: 10 };

/**
 * Three slots, any two of which hold the file, proved in every period; what is given takes the place of that. There is time for a busy
 * machine, since what is left of it at the end is skipped.
 */
export const smallTerms = (other: Partial<Terms> = {}): Terms => ({
  duration: 40 * SMALL_PACE.periodSeconds,
  expiry: 12 * SMALL_PACE.periodSeconds,
  proofProbability: 1n,
  pricePerBytePerSecond: 1n,
  collateralPerByte: 1n,
  nodes: 3,
  tolerance: 1,
  ...other,
});

/** More than any scenario needs. */
export const SMALL_OFFER: Offer = {
  totalSize: 2 ** 28,
  duration: 86_400,
  minPricePerBytePerSecond: 1n,
  totalCollateral: 2n ** 40n,
};

export interface PlayInit extends AbortOptions, Pick<MarketInit, 'directory' | 'onChain' | 'onEvent' | 'onSight'> {
  readonly listener?: StoryListener;
}

/**
 * Starts a marketplace, plays a scenario on it, holds everybody's money against the model of the rules, and stops
 * everything.
 */
export async function playScenario(scenario: Scenario, source: SourceFile, init: PlayInit): Promise<ScenarioResult> {
  const { signal, listener, ...rest } = init;
  const { name, hosts, pace } = scenario;
  const special = scenario.market?.() ?? {};
  try {
    await using market = await Market.start({ ...rest, ...special, hosts, pace, signal });
    await scenario.play(new Scene(market, { signal, ...(listener && { listener }) }), source);
    const { sights } = market.watch;
    return {
      scenario: name,
      calls: sights.length,
      reverted: sights.filter(({ ok }) => !ok).length,
      proofs: done(sights, 'fillSlot').length + done(sights, 'submitProof').length,
      missed: done(sights, 'markProofAsMissing').length,
      ...(await checkMoney(market)),
    };
  } finally {
    await special.end?.();
  }
}
