import { cpus } from 'node:os';
import { join } from 'node:path';
import { linePlot } from '@codex/plot';
import type { Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { contest } from '../src/contest.ts';
import { codexPairs, type Pairs } from './pairs.ts';
import { codexSwarm, type Swarm, type SwarmFigures, webTorrentSwarm } from './swarms.ts';

const LEECHERS = [1, 2, 4, 8];
const LEECHERS_QUICK = [1, 4];
/** How much longer the swarm may take than one leecher alone would allow, on cores that it shares. */
const SHARE_TARGET = 1.5;
const TWICE_TARGET_PERCENT = 2;

const PAIRS = 'codex, pairs';
const nameOf = (swarm: Swarm, leechers: number) => `${swarm.name}, ${leechers} leechers`;

const claim: Claim = {
  name: 'swarm',
  question: 'how long until all of several nodes that begin together have a file of one?',
  sizeBytes: 256 * 1024 * 1024,
  async run(context) {
    const counts = context.quick ? LEECHERS_QUICK : LEECHERS;
    const most = counts.at(-1)!;
    const content = new Content({ seed: 1, size: context.sizeBytes });
    const file = join(context.directory, 'file');
    await content.writeTo(file);
    const ours = await codexSwarm(context, content, most);
    let rival: Swarm | undefined;
    let pairs: Pairs | undefined;
    try {
      pairs = await codexPairs(context, Math.ceil(most / 2));
      const control = pairs;
      rival = await webTorrentSwarm(context, file, context.sizeBytes, most);
      const swarms = [ours, rival];
      const contenders = counts.flatMap((leechers) =>
        swarms.map((swarm) => ({
          name: nameOf(swarm, leechers),
          round: async () => ({ ...(await swarm.fetch(leechers)) }) as Record<keyof SwarmFigures, number>,
        })),
      );
      const result = await contest(contenders, context.rounds, context.note);
      const controls = await contest([{ name: PAIRS, round: () => control.fetch() }], context.rounds, context.note);
      const of = (swarm: Swarm, leechers: number) => result.get(nameOf(swarm, leechers))!;
      const copyMs = controls.get(PAIRS)!['CPU ms a copy'];
      const floor = (leechers: number) => floorMs(of(ours, 1).ms, copyMs, leechers);
      context.plot(
        linePlot({
          title: `One seeder, ${Math.round(context.sizeBytes / 2 ** 20)} MiB: until the last leecher has all of it`,
          xLabel: 'leechers that begin together',
          yLabel: 'seconds',
          series: [
            ...swarms.map((swarm) => ({
              name: swarm.name,
              points: counts.map((leechers) => [leechers, of(swarm, leechers).ms / 1000] as const),
            })),
            { name: 'codex alone, on shared cores', points: counts.map((n) => [n, floor(n) / 1000] as const) },
          ],
        }),
      );
      const versus = (what: string, unit: string, leechers: number, key: keyof SwarmFigures, factor = 1): Row => ({
        what,
        unit,
        ours: of(ours, leechers)[key] * factor,
        rival: { name: rival!.name, value: of(rival!, leechers)[key] * factor },
      });
      const rate = (leechers: number): Row => {
        const perMs = (leechers * context.sizeBytes) / 1000;
        return {
          what: `received together by ${leechers} leechers`,
          unit: 'MB/s',
          ours: perMs / of(ours, leechers).ms,
          rival: { name: rival!.name, value: perMs / of(rival!, leechers).ms },
          ...(leechers === most ? { target: { kind: 'ratio', atLeast: 1 } } : {}),
        };
      };
      return [
        ...counts.map(rate),
        versus('time of one leecher alone', 's', 1, 'ms', 0.001),
        versus(`time until all of ${most} have it`, 's', most, 'ms', 0.001),
        {
          what: `the same over what the cores allow (${(floor(most) / 1000).toFixed(2)} s)`,
          unit: '×',
          ours: of(ours, most).ms / floor(most),
          target: { kind: 'value', atMost: SHARE_TARGET },
        },
        { ...versus('received twice', '%', most, '% twice'), target: { kind: 'value', atMost: TWICE_TARGET_PERCENT } },
        {
          ...versus('copies sent by the leecher that gave least', '', most, 'copies by the least giver'),
          target: { kind: 'value', atLeast: 0.01 },
        },
        versus('copies sent by the seeder', '', most, 'copies by the seeder'),
        versus('processor time of all', 's', most, 'CPU ms', 0.001),
        { what: 'processor time of a copy between pairs', unit: 's', ours: copyMs / 1000 },
        { what: 'processor time of a copy in the swarm', unit: 's', ours: of(ours, most)['CPU ms'] / most / 1000 },
      ];
    } finally {
      await rival?.stop();
      await pairs?.stop();
      await ours.stop();
    }
  },
};

/**
 * The time that `leechers` would take if a copy cost each of them what it costs pairs that share the cores with as many
 * others: as long as one alone, or, where the cores are the bottleneck, as long as the cores need for all of them.
 */
function floorMs(aloneMs: number, copyMs: number, leechers: number): number {
  return Math.max(aloneMs, (leechers * copyMs) / cpus().length);
}

export default claim;
