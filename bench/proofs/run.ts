import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildCircuit, NETWORK_PARAMETERS } from '@codex/circuits';
import type { BenchContext, Claim, Row } from '../src/claim.ts';
import { contest } from '../src/contest.ts';
import { peakMiB, resetPeak } from '../src/process-usage.ts';
import { type Answer, type Files, type ProofFile, type Step, VERIFICATIONS } from './answer.ts';
import { Contender } from './contender.ts';
import { inputOf } from './proof-input.ts';
import { installRival } from './rivals/load.ts';

/** What the networks have, and what would find small losses. */
const SAMPLES = [5, 100];
const QUICK_SAMPLES = [1];
/** From so many samples on a proof of snarkjs takes minutes: everything is measured once, without a round before. */
const LONG_SAMPLES = 30;

const LEAD = 6;
const SETUP_S_MAX = 30;
const VERIFY_MS_MAX = 15;
const PEAK_MIB_MAX = 4096;
const MINUTE_MS = 60_000;

const CACHE = fileURLToPath(new URL('../../.cache/circuits', import.meta.url));
const OURS = 'ours';
const RIVAL = 'snarkjs';

async function filesOf({ directory, signal, note }: BenchContext, samples: number): Promise<Files> {
  note(`${samples} samples: building the circuit, unless it is built`);
  const { r1cs, wasm } = await buildCircuit({ ...NETWORK_PARAMETERS, nSamples: samples }, { cache: CACHE, signal });
  const at = (name: string) => join(directory, `${samples}-${name}`);
  const files = {
    r1cs,
    wasm,
    input: at('input.json'),
    witness: at('witness.wtns'),
    zkey: at('key.zkey'),
    verificationKey: at('verification-key.json'),
  };
  writeFileSync(files.input, JSON.stringify(inputOf(samples)));
  return files;
}

const start = {
  ours: (files: Files) => Contender.start(OURS, new URL('ours.ts', import.meta.url), files),
  snarkjs: (files: Files) => Contender.start(RIVAL, new URL('rival-snarkjs.ts', import.meta.url), files),
};

/** In a process that ends afterwards, so that nothing of it counts for the proofs. */
async function setUp(files: Files, samples: number, note: (text: string) => void): Promise<Row[]> {
  const contender = await start.ours(files);
  try {
    const { ms } = await contender.ask({ step: 'setup' });
    note(`setup: ${(ms / 1000).toFixed(1)} s`);
    const what = `setup, ${samples} samples`;
    const isNetworks = samples === NETWORK_PARAMETERS.nSamples;
    return [
      {
        what,
        unit: 's',
        ours: ms / 1000,
        ...(isNetworks ? { target: { kind: 'value' as const, atMost: SETUP_S_MAX } } : {}),
      },
      { what: `${what}, peak memory`, unit: 'MiB', ours: peakMiB(contender.pid) },
    ];
  } finally {
    await contender.stop();
  }
}

/** A step's time and processor time by contender; a rival that fails is left out. */
async function measure(
  contenders: readonly Contender[],
  step: Step,
  { rounds, note }: { readonly rounds: number; readonly note: (text: string) => void },
): Promise<Map<string, { readonly ms: number; readonly 'CPU ms': number }>> {
  const figuresOf = ({ ms, processorMs }: Answer) => ({ ms, 'CPU ms': processorMs });
  const say = (text: string) => note(`${step} ${text}`);
  if (rounds > 0) {
    const turns = contenders.map((contender) => ({
      name: contender.name,
      round: async () => figuresOf(await contender.ask({ step })),
    }));
    return await contest(turns, rounds, say);
  }
  const figures = new Map<string, { ms: number; 'CPU ms': number }>();
  for (const contender of contenders) {
    try {
      const found = figuresOf(await contender.ask({ step }));
      say(`${contender.name}: ${found.ms.toFixed(0)} ms, ${found['CPU ms'].toFixed(0)} CPU ms`);
      figures.set(contender.name, found);
    } catch (error) {
      if (contender.name === OURS) throw error;
      say(`${contender.name} fails: ${(error as Error).message}`);
    }
  }
  return figures;
}

/** Each checks what the other made. */
async function checkEachOther(ours: Contender, rival: Contender): Promise<void> {
  const made = async (contender: Contender) => (await contender.ask({ step: 'show' })).result as ProofFile;
  await rival.ask({ step: 'check', file: await made(ours) });
  await ours.ask({ step: 'check', file: await made(rival) });
}

async function proofs(context: BenchContext, samples: number): Promise<Row[]> {
  const { note } = context;
  const files = await filesOf(context, samples);
  const isLong = samples >= LONG_SAMPLES;
  const setup = await setUp(files, samples, note);
  const ours = await start.ours(files);
  const rival = await start.snarkjs(files);
  const both = [ours, rival];
  const rounds = { rounds: isLong ? 0 : context.rounds, note };
  try {
    const load = await ours.ask({ step: 'load' });
    note(`loading the key: ${load.ms.toFixed(0)} ms`);
    const witness = await measure(both, 'witness', rounds);
    for (const { pid } of both) resetPeak(pid);
    const prove = await measure(both, 'prove', rounds);
    const peak = both.map(({ pid }) => peakMiB(pid));
    const hasRival = prove.has(RIVAL);
    if (hasRival) await checkEachOther(ours, rival);
    const verify = await measure(hasRival ? both : [ours], 'verify', { ...rounds, rounds: context.rounds });

    const suffix = `${samples} samples`;
    const [mine, theirs] = [prove.get(OURS), prove.get(RIVAL)];
    const rivalOf = (value: number | undefined) => (value === undefined ? {} : { rival: { name: RIVAL, value } });
    const perMinute = (ms: number | undefined) => (ms === undefined ? undefined : MINUTE_MS / ms);
    const each = (total: number | undefined) => (total === undefined ? undefined : total / VERIFICATIONS);
    const lead = theirs && context.quick === false ? { target: { kind: 'ratio' as const, atLeast: LEAD } } : {};
    const ms = mine?.ms ?? 0;
    return [
      ...setup,
      { what: `proofs, ${suffix}`, unit: '/min', ours: MINUTE_MS / ms, ...rivalOf(perMinute(theirs?.ms)), ...lead },
      {
        what: `proofs, ${suffix}, of one core`,
        unit: '/min',
        ours: MINUTE_MS / (mine?.['CPU ms'] ?? 0),
        ...rivalOf(perMinute(theirs?.['CPU ms'])),
      },
      {
        what: `proofs, ${suffix}, key opened for each`,
        unit: '/min',
        ours: MINUTE_MS / (ms + load.ms),
        ...rivalOf(perMinute(theirs?.ms)),
      },
      { what: `a proof, ${suffix}`, unit: 's', ours: ms / 1000 },
      { what: `key opened, ${suffix}`, unit: 'ms', ours: load.ms },
      {
        what: `witness, ${suffix}`,
        unit: 'ms',
        ours: witness.get(OURS)?.ms ?? 0,
        ...rivalOf(witness.get(RIVAL)?.ms),
      },
      {
        what: `verified, ${suffix}`,
        unit: 'ms',
        ours: each(verify.get(OURS)?.ms) ?? 0,
        ...rivalOf(each(verify.get(RIVAL)?.ms)),
        target: { kind: 'value', atMost: VERIFY_MS_MAX },
      },
      {
        what: `peak memory, ${suffix}`,
        unit: 'MiB',
        ours: peak[0] ?? 0,
        ...(hasRival ? rivalOf(peak[1]) : {}),
        target: { kind: 'value', atMost: PEAK_MIB_MAX },
      },
    ];
  } finally {
    await Promise.all(both.map((contender) => contender.stop()));
  }
}

const claim: Claim = {
  name: 'proofs',
  question: 'How long does a storage proof take, beside snarkjs with the same key and witness?',
  sizeBytes: 1024 * 1024,
  async run(context): Promise<Row[]> {
    installRival();
    const rows: Row[] = [];
    for (const samples of context.samples ?? (context.quick ? QUICK_SAMPLES : SAMPLES)) {
      rows.push(...(await proofs(context, samples)));
    }
    return rows;
  },
};

export default claim;
