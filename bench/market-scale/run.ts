import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Market, MarketRest } from '@codex/devnet';
import type { BenchContext, Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { processorMs } from '../src/process-usage.ts';
import { CallTap } from './call-tap.ts';

interface Scale {
  readonly hosts: number;
  /** The last ones of them, which reach the chain over HTTP. */
  readonly httpHosts: number;
  readonly requests: number;
  readonly pace: { readonly blockSeconds: number; readonly periodSeconds: number };
  /** That are measured, if there is time for them. */
  readonly periodsMax: number;
}

const SCALE: Scale = {
  hosts: 10,
  httpHosts: 2,
  requests: 50,
  pace: { blockSeconds: 5, periodSeconds: 210 },
  periodsMax: 2,
};
const QUICK: Scale = {
  hosts: 5,
  httpHosts: 1,
  requests: 10,
  pace: { blockSeconds: 5, periodSeconds: 60 },
  periodsMax: 2,
};

/** Four blocks: slots of two, and as many to restore lost ones with. */
const FILE_BYTES = 256 * 1024;
const SLOTS = 4;
/** Mean from proof to proof of a slot. */
const PERIODS_A_PROOF = 4;
/** Blocks that the pointer walks over (12 §6). */
const POINTERS = 256;
const TERMS = {
  /** Nobody waits for the end. */
  duration: 7200,
  expiry: 1200,
  pricePerBytePerSecond: 1n,
  collateralPerByte: 1n,
  nodes: SLOTS,
  tolerance: 2,
};
const OFFER = { totalSize: 2 ** 28, duration: 86_400, minPricePerBytePerSecond: 1n, totalCollateral: 2n ** 40n };
/** Until all have asked for storage, all have started. */
const ASKED_MS = 240_000;
const STARTED_MS = 600_000;
/** A run takes a quarter of an hour: what is left when all have started is for whole periods, one at least. */
const RUN_MS = 880_000;
/** After a period the validator has said by then what was missed in it. */
const MARKED_SECONDS = 20;
/** What it costs to see each block, whoever has slots. */
const FOLLOWING = ['eth_getBlockByNumber', 'eth_getLogs'];

const CALLS_MAX = 2;
const VALIDATOR_CALLS_MAX = 0.1;

const claim: Claim = {
  name: 'market-scale',
  question: 'What do hosts and validators ask of the chain to keep many slots?',
  sizeBytes: FILE_BYTES,
  async run(context): Promise<Row[]> {
    const scale = context.quick ? QUICK : SCALE;
    const { hosts, httpHosts, pace } = scale;
    const names = ['validator', 'client', ...Array.from({ length: hosts }, (_, i) => `host-${i + 1}`)];
    const overHttp = new Set(names.slice(names.length - httpHosts));
    const began = performance.now();
    const taps = new Map<string, CallTap>();
    for (const name of names) taps.set(name, await CallTap.start());
    try {
      await using market = await Market.start({
        hosts,
        pace,
        directory: join(context.directory, 'market'),
        providersOf: (name, chain) => [taps.get(name)!.url(overHttp.has(name) ? 'http' : 'ws', chain.url)],
        signal: context.signal,
      });
      context.note(`${names.length} nodes after ${(market.startedMs / 1000).toFixed(0)} s`);
      const startedSeconds = await startAll(context, market, scale);
      const measured = await measure(context, market, taps, scale, began + RUN_MS);
      return rowsOf({ ...measured, startedSeconds, scale, overHttp }, market);
    } finally {
      for (const tap of taps.values()) await tap.stop();
    }
  },
};

/** All requests at once; resolves when all slots are filled, with the seconds that took since the first was on the chain. */
async function startAll(context: BenchContext, market: Market, { requests }: Scale): Promise<number> {
  const { signal, directory, note } = context;
  for (const host of market.hosts) await new MarketRest(host.url).offer(OFFER, { signal });
  const client = market.node('client');
  const cids: string[] = [];
  for (let i = 0; i < requests; i++) {
    const path = join(directory, `file-${i}`);
    await writeFile(path, [...new Content({ seed: i + 1, size: FILE_BYTES })]);
    cids.push((await client.rest.upload(path, { name: `file-${i}`, size: FILE_BYTES, signal })).cid);
  }
  // Contracts ask the more often the longer the downtime is, and hosts prove within it as well: it may be over before the proof is.
  const { downtime } = market.rules.config.proofs;
  const proofProbability = BigInt(Math.ceil((PERIODS_A_PROOF * POINTERS) / (POINTERS - downtime)));
  const terms = { ...TERMS, proofProbability };
  const began = performance.now();
  await Promise.all(cids.map((cid) => new MarketRest(client.url).buy(cid, terms, { signal })));
  note(`${requests} purchases taken after ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const count = (call: string) => market.watch.sights.filter((sight) => sight.ok && sight.call === call).length;
  const asked = () => (count('requestStorage') === requests ? true : undefined);
  await market.watch.when('All requests are on the chain', asked, { deadlineMs: ASKED_MS, signal });
  note(`all requests are on the chain after ${((performance.now() - began) / 1000).toFixed(0)} s`);
  let filled = 0;
  const started = () => {
    const { sights } = market.watch;
    const now = count('fillSlot');
    if (now >= filled + SLOTS * 5)
      note(`${now} slots filled after ${((performance.now() - began) / 1000).toFixed(0)} s`);
    if (now >= filled + SLOTS * 5) filled = now;
    const fulfilled = sights.filter(({ events }) => events.includes('RequestFulfilled'));
    return fulfilled.length === requests ? fulfilled.at(-1)!.time : undefined;
  };
  const last = await market.watch.when('All requests start', started, { deadlineMs: STARTED_MS, signal });
  return last - market.watch.sights.find(({ call }) => call === 'requestStorage')!.time;
}

/** Of one node, within the periods that were measured. */
interface Usage {
  readonly name: string;
  readonly calls: ReadonlyMap<string, number>;
  readonly notices: number;
  readonly processorMs: number;
}

interface Measured {
  readonly usages: readonly Usage[];
  /** Beginning and end by the chain's clock, seconds. */
  readonly begin: number;
  readonly end: number;
  readonly periods: number;
}

async function measure(
  { signal, note }: BenchContext,
  market: Market,
  taps: ReadonlyMap<string, CallTap>,
  { periodsMax, pace: { periodSeconds } }: Scale,
  until: number,
): Promise<Measured> {
  const { watch } = market;
  const reach = (time: number) => {
    const isReached = () => (watch.time >= time ? true : undefined);
    const deadlineMs = 2000 * (time - watch.time) + 120_000;
    return watch.when('The chain goes on', isReached, { deadlineMs, signal });
  };
  const read = () =>
    [...taps].map(([name, tap]) => ({ name, ...tap.read(), processorMs: processorMs(market.node(name).pid) }));
  const begin = (Math.floor(watch.time / periodSeconds) + 1) * periodSeconds;
  const leftSeconds = (until - performance.now()) / 1000 - (begin - watch.time) - MARKED_SECONDS;
  const periods = Math.min(Math.max(1, Math.floor(leftSeconds / periodSeconds)), periodsMax);
  note(`all have started; measuring ${periods} periods in ${begin - watch.time} s`);
  await reach(begin);
  const before = read();
  const end = begin + periods * periodSeconds;
  await reach(end);
  const usages = read().map(({ name, ...now }, i): Usage => {
    const then = before[i]!;
    const calls = [...now.calls].map(([method, count]) => [method, count - (then.calls.get(method) ?? 0)] as const);
    return {
      name,
      calls: new Map(calls.filter(([, count]) => count > 0)),
      notices: now.notices - then.notices,
      processorMs: now.processorMs - then.processorMs,
    };
  });
  for (const { name, calls, notices } of usages) {
    const text = [...calls].sort((a, b) => b[1] - a[1]).map(([method, count]) => `${method} ${count}`);
    note(`${name}: ${text.join(', ')}; told ${notices} times`);
  }
  await reach(end + MARKED_SECONDS);
  return { usages, begin, end, periods };
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
const callsOf = (usages: readonly Usage[], isCounted: (method: string) => boolean = () => true) =>
  sum(usages.flatMap(({ calls }) => [...calls].map(([method, count]) => (isCounted(method) ? count : 0))));

function rowsOf(
  {
    usages,
    begin,
    end,
    periods,
    startedSeconds,
    scale,
    overHttp,
  }: Measured & { startedSeconds: number; scale: Scale; overHttp: ReadonlySet<string> },
  market: Market,
): Row[] {
  const { sights } = market.watch;
  const done = (call: string) => sights.filter((sight) => sight.ok && sight.call === call);
  const slotsOf = (name: string) => done('fillSlot').filter((sight) => market.nameOf(sight.from) === name).length;
  const slots = scale.requests * SLOTS;
  const within = done('submitProof').filter(({ time }) => time >= begin && time < end);
  const blocks = (end - begin) / scale.pace.blockSeconds;
  const proofsOf = (of: readonly Usage[]) =>
    within.filter((sight) => of.some(({ name }) => name === market.nameOf(sight.from))).length;
  const hosts = usages.filter(({ name }) => name.startsWith('host-'));
  const told = hosts.filter(({ name }) => !overHttp.has(name));
  const asking = hosts.filter(({ name }) => overHttp.has(name));
  const validator = usages.filter(({ name }) => name === 'validator');
  const perSlot = (of: readonly Usage[], count: number) => count / (sum(of.map(({ name }) => slotsOf(name))) * periods);
  const isFollowing = (method: string) => FOLLOWING.includes(method);
  const all = slots * periods;
  const each = 'a slot and period';
  return [
    {
      what: 'requests that started',
      unit: '',
      ours: scale.requests,
      target: { kind: 'value', atLeast: scale.requests },
    },
    { what: 'time until all had started', unit: 's', ours: startedSeconds },
    {
      what: `calls of hosts, ${each}`,
      unit: '',
      ours: perSlot(told, callsOf(told)),
      target: { kind: 'value', atMost: CALLS_MAX },
    },
    { what: '… of these following the chain', unit: '', ours: perSlot(told, callsOf(told, isFollowing)) },
    {
      what: '… and blocks that were told, not asked for',
      unit: '',
      ours: perSlot(told, sum(told.map(({ notices }) => notices))),
    },
    { what: `calls of hosts over HTTP, ${each}`, unit: '', ours: perSlot(asking, callsOf(asking)) },
    { what: '… of these following the chain', unit: '', ours: perSlot(asking, callsOf(asking, isFollowing)) },
    {
      what: '… calls to follow the chain, a block',
      unit: '',
      ours: callsOf(asking, isFollowing) / asking.length / blocks,
    },
    {
      what: `calls of the validator, ${each}`,
      unit: '',
      ours: callsOf(validator) / all,
      target: { kind: 'value', atMost: VALIDATOR_CALLS_MAX },
    },
    {
      what: 'calls of hosts for slots, a proof',
      unit: '',
      ours: callsOf(told, (method) => !isFollowing(method)) / proofsOf(told),
    },
    { what: `proofs, ${each}`, unit: '', ours: within.length / all },
    {
      what: 'proofs that were missed',
      unit: '',
      ours: done('markProofAsMissing').length,
      target: { kind: 'value', atMost: 0 },
    },
    { what: 'reservations, a slot', unit: '', ours: done('reserveSlot').length / slots },
    { what: 'transactions that the chain refused', unit: '', ours: sights.filter(({ ok }) => !ok).length },
    {
      what: `processor time of hosts, ${each}`,
      unit: 'ms',
      ours: perSlot(hosts, sum(hosts.map((usage) => usage.processorMs))),
    },
    {
      what: `processor time of the validator, ${each}`,
      unit: 'ms',
      ours: sum(validator.map((usage) => usage.processorMs)) / all,
    },
    { what: 'most slots of a host', unit: '', ours: Math.max(...hosts.map(({ name }) => slotsOf(name))) },
  ];
}

export default claim;
