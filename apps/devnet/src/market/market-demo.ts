import type { SourceFile } from '../source-file.ts';
import { Market } from './market.ts';
import type { MarketReport } from './market-report.ts';
import { runStory, type StoryResult } from './story.ts';

export interface MarketDemoInit {
  readonly hosts: number;
  readonly directory: string | undefined;
  readonly source: SourceFile;
  readonly report: MarketReport;
  readonly signal: AbortSignal;
}

/** Starts a marketplace, plays the story on it, and stops everything. */
export async function marketDemo({ hosts, directory, source, report, signal }: MarketDemoInit): Promise<StoryResult> {
  const began = performance.now();
  report.begin(hosts);
  const market = await Market.start({
    hosts,
    directory,
    signal,
    onChain: (chain) => report.chain(chain),
    onEvent: (event) => report.event(event),
    onSight: (sight, name) => report.sight(sight, name),
  });
  try {
    const result = await runStory(market, source, { listener: report, signal });
    report.summary(result, performance.now() - began);
    return result;
  } finally {
    await market.stop();
  }
}
