import { availableParallelism } from 'node:os';
import { createCompute } from '@codex/compute';
import type { Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { contest } from '../src/contest.ts';
import { ffjavascript, type Implementation, inputOf, ours } from './contenders.ts';

const BITS = 17;
const QUICK_BITS = 13;
const PAIRING_MS_MAX = 15;
/** What a prover gains is a mixture of these; it is to be six times as fast. */
const LEAD = 2;

const WORK = ['transform', 'sumG1', 'sumG2', 'witnessG1', 'witnessG2', 'pairing'] as const;
const TITLES = {
  transform: 'transform',
  sumG1: 'sum in G1',
  sumG2: 'sum in G2',
  witnessG1: 'witness in G1',
  witnessG2: 'witness in G2',
  pairing: 'four pairings',
};

/** Processor time of all threads: what one core would take, whatever else the machine has to do. */
async function processorMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const claim: Claim = {
  name: 'bn254',
  question: 'What do transforms, sums of points and pairings cost, beside what snarkjs calculates with?',
  sizeBytes: 2 ** BITS * 32,
  async run({ rounds, quick, note }): Promise<Row[]> {
    const bits = quick ? QUICK_BITS : BITS;
    const input = inputOf(2 ** bits, new Content({ seed: 254, size: 2 ** bits * 32 }));
    const compute = createCompute({ threads: availableParallelism() });
    const contenders: Implementation[] = [ours(compute, input), await ffjavascript(input)];
    const rows: Row[] = [];
    try {
      for (const group of ['sumG1', 'sumG2', 'witnessG1', 'witnessG2'] as const) {
        const found = await Promise.all(contenders.map((contender) => contender[group]()));
        if (new Set(found).size !== 1) throw new Error(`${TITLES[group]}: results differ`);
      }
      for (const what of WORK) {
        const title = what === 'pairing' ? TITLES[what] : `${TITLES[what]} of 2^${bits}`;
        const figures = await contest(
          contenders.map((contender) => ({
            name: contender.name,
            round: async () => ({ 'in a second': 1000 / (await processorMs(() => contender[what]())) }),
          })),
          rounds,
          (text) => note(`${title} ${text}`),
        );
        const [mine = 0, rival = 0] = contenders.map(({ name }) => figures.get(name)?.['in a second'] ?? 0);
        const row = { what: title, unit: '/s', ours: mine };
        if (what === 'pairing') {
          rows.push({ what: title, unit: 'ms', ours: 1000 / mine, target: { kind: 'value', atMost: PAIRING_MS_MAX } });
        }
        rows.push({
          ...row,
          rival: { name: 'ffjavascript', value: rival },
          ...(what === 'pairing' ? {} : { target: { kind: 'ratio' as const, atLeast: LEAD } }),
        });
      }
    } finally {
      await Promise.all(contenders.map((contender) => contender.stop()));
    }
    return rows;
  },
};

export default claim;
