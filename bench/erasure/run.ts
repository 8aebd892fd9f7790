import { createHash } from 'node:crypto';
import type { Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { type Contender, contest } from '../src/contest.ts';
import { type Coder, copy, isNative, isOurs, relaxed, rivals, shardOf, simd, twin, type Word } from './contenders.ts';

const SHARD_BYTES = 64 * 1024;
/** A round of a slow implementation ends when it took so long. */
const ROUND_MS = 700;
/** Leading all JavaScript and WebAssembly of npm by so much. */
const LEAD = 3;
const TWIN_ROWS_MAX = 20;

type Figures = 'GB/s';
type What = 'encode' | 'decode';

interface Shape {
  readonly data: number;
  readonly parity: number;
  /** GB/s of data on one core. */
  readonly encode?: number;
  /** GB/s of data on one core with as many data shards lost as there are parity shards. */
  readonly decode?: number;
}

const SHAPES: readonly Shape[] = [
  { data: 4, parity: 2 },
  { data: 8, parity: 4, encode: 1.5 },
  { data: 20, parity: 10, encode: 1.5, decode: 0.6 },
  { data: 128, parity: 64, encode: 1.0 },
  { data: 128, parity: 128, decode: 0.35 },
  { data: 1000, parity: 200, encode: 0.4 },
];

function wordOf({ data, parity }: Shape): Word {
  const bytes = new Uint8Array((data + parity) * SHARD_BYTES);
  let at = 0;
  for (const piece of new Content({ seed: data, size: data * SHARD_BYTES })) {
    bytes.set(piece, at);
    at += piece.length;
  }
  // Spread over the data shards.
  const lost = Array.from({ length: parity }, (_, i) => Math.floor((i * data) / parity));
  return { data, parity, shardBytes: SHARD_BYTES, bytes, lost };
}

const digest = (shards: readonly Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const shard of shards) hash.update(shard);
  return hash.digest('hex');
};

/** One implementation on one word; what it restores in the first round is compared with the data. */
function contender(name: string, coder: Coder, word: Word, what: What, bytes: number): Contender<Figures> {
  const work = what === 'decode' && coder.decode ? coder.decode : coder.encode;
  return {
    name,
    async round(round) {
      if (round === 0 && coder.decode) {
        await coder.encode();
        const lost = word.lost.map((index) => shardOf(word, index));
        if (digest(await coder.decode()) !== digest(lost)) throw new Error(`${name} restores wrong bytes`);
      }
      // Processor time, of all threads: what one core would take, whatever else the machine does.
      const before = process.cpuUsage();
      let done = 0;
      let ms = 0;
      while (done < bytes && ms < ROUND_MS) {
        await work();
        done += word.data * word.shardBytes;
        const { user, system } = process.cpuUsage(before);
        ms = (user + system) / 1000;
      }
      return { 'GB/s': done / 1e6 / ms };
    },
  };
}

/** Ours beside memcpy, with the target, and then beside each of the others. */
function rowsOf(what: string, atLeast: number | undefined, best: string, figures: ReadonlyMap<string, number>): Row[] {
  const ours = figures.get(best) ?? 0;
  return [...figures].flatMap(([name, value]): Row[] => {
    if (name === best) return [];
    const row = { what, unit: 'GB/s', ours, rival: { name, value } };
    if (name === copy.name) return [atLeast === undefined ? row : { ...row, target: { kind: 'value', atLeast } }];
    return [isOurs(name) || isNative(name) ? row : { ...row, target: { kind: 'ratio', atLeast: LEAD } }];
  });
}

const claim: Claim = {
  name: 'erasure',
  question: 'How fast is data encoded, and decoded when all parity is needed, beside every Reed–Solomon of npm?',
  sizeBytes: 256 * 1024 * 1024,
  async run({ sizeBytes, rounds, quick, note }): Promise<Row[]> {
    const best = relaxed ?? simd;
    if (!best || !simd) throw new Error('This runtime has no SIMD');
    const others = rivals(note);
    const rows: Row[] = [];
    for (const shape of quick ? SHAPES.slice(1, 3) : SHAPES) {
      const word = wordOf(shape);
      const implementations = [copy, best, ...(best === simd ? [] : [simd]), twin, ...others];
      const coders = implementations
        // A word of a large code takes the twin minutes.
        .filter((implementation) => implementation !== twin || shape.data <= TWIN_ROWS_MAX)
        .flatMap((implementation) => {
          const coder = implementation.open(word);
          return coder ? [{ name: implementation.name, coder }] : [];
        });
      for (const what of ['encode', 'decode'] as const) {
        const title = `${what} ${shape.data}+${shape.parity}`;
        const contenders = coders
          .filter(({ name, coder }) => what === 'encode' || coder.decode || name === copy.name)
          .map(({ name, coder }) => contender(name, coder, word, what, sizeBytes));
        const figures = await contest(contenders, rounds, (text) => note(`${title} ${text}`));
        const rates = new Map([...figures].map(([name, figure]) => [name, figure['GB/s']]));
        rows.push(...rowsOf(title, shape[what], best.name, rates));
      }
    }
    return rows;
  },
};

export default claim;
