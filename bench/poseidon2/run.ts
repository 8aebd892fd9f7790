import { availableParallelism } from 'node:os';
import { createCompute } from '@codex/compute';
import { blockDigests, createHasher, digestBlocks } from '@codex/poseidon2';
import type { Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { type Contender, contest, median } from '../src/contest.ts';
import { type Implementation, kernel, rivals, twin } from './contenders.ts';

const SHAPE = { blockSize: 64 * 1024, cellSize: 2048 };
/** A round of an implementation ends when it took so much processor time. */
const ROUND_MS = 400;
/** Thousands of permutations a second on one core; native code of the reference reached 106 on a machine like ours. */
const PERMUTATIONS = 150;
/** MB/s of blocks on one core. */
const BLOCKS = 8;
/** Of what the cores would give together. */
const SCALING = 0.75;
const LEAD = 3;

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Rates are for processor time: what one core does, whatever else the machine has to do. */
function contender({ name, batch, hash }: Implementation): Contender<'k/s'> {
  return {
    name,
    async round() {
      const before = processorMs();
      let done = 0;
      let ms = 0;
      while (ms < ROUND_MS) {
        hash();
        done += batch;
        ms = processorMs() - before;
      }
      return { 'k/s': done / ms };
    },
  };
}

async function permutations(rounds: number, note: (text: string) => void): Promise<Row[]> {
  const best = kernel('fused') ?? kernel('plain');
  if (!best) throw new Error('This runtime has no SIMD');
  const plain = kernel('plain');
  const own = [best, ...(plain && plain.name !== best.name ? [plain] : []), twin];
  const others = await rivals(note);
  const figures = await contest([...own, ...others].map(contender), rounds, note);
  const rate = (name: string): number => figures.get(name)?.['k/s'] ?? 0;
  const what = 'permutations';
  return [
    { what, unit: 'k/s', ours: rate(best.name), target: { kind: 'value', atLeast: PERMUTATIONS } },
    ...own.slice(1).map(({ name }): Row => {
      return { what, unit: 'k/s', ours: rate(best.name), rival: { name, value: rate(name) } };
    }),
    ...others.map(({ name }): Row => {
      const rival = { name, value: rate(name) };
      return { what, unit: 'k/s', ours: rate(best.name), rival, target: { kind: 'ratio', atLeast: LEAD } };
    }),
  ];
}

async function blocks(sizeBytes: number, rounds: number, note: (text: string) => void): Promise<Row[]> {
  const count = Math.max(1, Math.floor(sizeBytes / SHAPE.blockSize));
  const bytes = new Uint8Array(new SharedArrayBuffer(count * SHAPE.blockSize));
  let at = 0;
  for (const piece of new Content({ seed: 1, size: bytes.length })) {
    bytes.set(piece, at);
    at += piece.length;
  }
  const hasher = createHasher();
  const threads = availableParallelism();
  const compute = createCompute({ threads });
  const rates = { one: [] as number[], all: [] as number[], processor: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round++) {
      const processor = processorMs();
      const start = performance.now();
      const expected = blockDigests(hasher, bytes, SHAPE);
      const middle = performance.now();
      const used = processorMs() - processor;
      const digests = await digestBlocks(compute, bytes, SHAPE);
      const end = performance.now();
      if (Buffer.compare(expected, digests) !== 0) throw new Error('The threads computed something else');
      if (round === 0) continue;
      rates.one.push(bytes.length / 1e3 / (middle - start));
      rates.processor.push(bytes.length / 1e3 / used);
      rates.all.push(bytes.length / 1e3 / (end - middle));
      note(`round ${round}  blocks: ${rates.one.at(-1)?.toFixed(1)}, ${rates.all.at(-1)?.toFixed(1)} MB/s`);
    }
  } finally {
    await compute.stop();
  }
  const unit = 'MB/s';
  return [
    { what: 'blocks, one core', unit, ours: median(rates.processor), target: { kind: 'value', atLeast: BLOCKS } },
    {
      what: `blocks, ${threads} threads`,
      unit,
      ours: median(rates.all),
      rival: { name: 'one thread', value: median(rates.one) },
      target: { kind: 'ratio', atLeast: SCALING * threads },
    },
  ];
}

const claim: Claim = {
  name: 'poseidon2',
  question: 'How fast are stored bytes hashed for proofs, beside every Poseidon of this field on npm?',
  sizeBytes: 32 * 1024 * 1024,
  async run({ sizeBytes, rounds, quick, note }): Promise<Row[]> {
    const rows = await permutations(rounds, note);
    return [...rows, ...(await blocks(quick ? Math.min(sizeBytes, 4 * 1024 * 1024) : sizeBytes, rounds, note))];
  },
};

export default claim;
