import type { AbortOptions } from '@codex/runtime';
import type { Hex } from 'viem';
import { DevnetError } from '../errors.ts';
import type { SourceFile } from '../source-file.ts';
import { lowerCase } from './lower-case.ts';
import type { Market } from './market.ts';
import { TOKENS } from './market-chain.ts';
import { MarketRest, type Terms } from './market-rest.ts';
import { ModelMoney } from './model-money.ts';
import { PERIOD_SECONDS, storyRules } from './rules.ts';
import type { Sight } from './sight.ts';

/** Any two of four slots hold the file. */
export const TERMS: Terms = {
  duration: 14 * PERIOD_SECONDS,
  expiry: 6 * PERIOD_SECONDS,
  proofProbability: 1n,
  pricePerBytePerSecond: 1n,
  collateralPerByte: 1n,
  nodes: 4,
  tolerance: 2,
};
/** A machine that takes longer than this until all nodes have found each other is busy with something else: all the rest takes longer, too. */
const BUSY_MS = 15_000;
/** The contract then, so that the repair is done before it ends. */
const BUSY_DURATION = 22 * PERIOD_SECONDS;
/** Bytes and seconds that each host offers; collateral for all of the space. */
const OFFER = { totalSize: 2 ** 30, duration: 86_400, minPricePerBytePerSecond: 1n, totalCollateral: 2n ** 40n };
/** What a busy machine may take for a step that takes a second or two. */
const STEP_MS = 60_000;
/** Two periods in which the proof is missed, one for the end of the second, one of downtime, and the repair. */
const REPAIR_MS = 8 * PERIOD_SECONDS * 1000;

export interface PartyMoney {
  readonly name: string;
  /** Units of the token: less or more than at first. */
  readonly change: bigint;
}

export interface StoryResult {
  readonly requestId: Hex;
  /** Of the dataset with its slots. */
  readonly cid: string;
  readonly sha256: string;
  readonly lost: string;
  readonly repairedBy: string;
  readonly money: readonly PartyMoney[];
  /** Units of the token that stay in the marketplace. */
  readonly left: bigint;
  readonly calls: number;
  readonly reverted: number;
  readonly proofs: number;
  readonly missed: number;
  /** From the request to the last payout, seconds of the chain. */
  readonly seconds: number;
}

/** How the story tells what happens, beside what the chain shows. */
export interface StoryListener {
  chapter?(title: string): void;
  step?(text: string): void;
}

/**
 * A file is bought storage, its client leaves, a host dies for good, and another one takes its place with what the rest
 * have; the file is fetched from hosts alone; all are paid what the model says. Errors: `STORY_STUCK`, `STORY_FAILED`,
 * `CONTENT_DIFFERS`, and those of nodes.
 */
export async function runStory(
  market: Market,
  source: SourceFile,
  options: AbortOptions & { readonly listener?: StoryListener } = {},
): Promise<StoryResult> {
  const { listener = {}, signal } = options;
  const chapter = (title: string) => listener.chapter?.(title);
  const step = (text: string) => listener.step?.(text);
  const { watch } = market;
  const when = <T>(
    what: string,
    find: (sights: readonly Sight[], time: number) => T | undefined,
    deadlineMs = STEP_MS,
  ) => watch.when(what, (sights, time) => find(alive(sights), time), { deadlineMs, signal });
  const client = market.node('client');

  chapter('Hosts offer space');
  for (const host of market.hosts) await new MarketRest(host.url).offer(OFFER, { signal });
  step(`${market.hosts.length} hosts sell ${OFFER.totalSize / 2 ** 30} GiB each`);

  chapter('The client buys durability');
  const upload = await client.rest.upload(source.path, { name: 'file', size: source.size, signal });
  step(`stored on the client: ${upload.cid}`);
  const rest = new MarketRest(client.url);
  const duration = market.startedMs > BUSY_MS ? BUSY_DURATION : TERMS.duration;
  const requestId = await rest.buy(upload.cid, { ...TERMS, duration }, { signal });
  const asked = await when('The request reaches the chain', (sights) => ok(sights, 'requestStorage')[0]);
  const { ask } = await watch.request(requestId);
  const slots = Number(ask.slots);
  const end = asked.time + Number(ask.duration);
  const cid = (await rest.purchase(requestId, { signal })).request?.content.cid ?? '';
  await when('All slots are filled', (sights) => eventIn(sights, 'RequestFulfilled'), TERMS.expiry * 1000 + STEP_MS);
  step(`all ${slots} slots are filled: the contract runs for ${end - watch.time} s more`);

  chapter('Hosts prove that they have it');
  await when('Every slot is proved', (sights) =>
    new Set(ok(sights, 'submitProof').map(({ slotIndex }) => slotIndex)).size === slots ? true : undefined,
  );

  chapter('The client leaves, and a host dies for good');
  await client.stop();
  step('the client is stopped: hosts alone have the file now');
  const victim = hostOf(watch.sights, 0);
  const lost = market.node(market.nameOf(victim));
  const killed = watch.sights.length;
  await lost.kill();
  step(`${lost.name} is killed (SIGKILL), and with it slot 0`);
  const freed = await when(
    'The lost slot is freed',
    (sights) => sights.slice(killed).find(({ events, slotIndex }) => slotIndex === 0 && events.includes('SlotFreed')),
    REPAIR_MS,
  );
  const repair = await when(
    'The lost slot is filled again',
    (sights) => ok(sights, 'fillSlot').find((sight) => sight.slotIndex === 0 && sight.block >= freed.block),
    REPAIR_MS,
  );
  const repairedBy = market.nameOf(repair.from);
  step(`${repairedBy} has rebuilt slot 0 from the slots of others, and proved it`);
  await when('The new host proves again', (sights) =>
    ok(sights, 'submitProof').find((sight) => sight.from === repair.from && sight.block > repair.block),
  );

  chapter('The file comes back from hosts alone');
  const reader = market.node('validator');
  const copy = await reader.rest.download(cid, { signal });
  if (copy.sha256 !== upload.sha256 || copy.bytes !== upload.bytes) {
    const message = `${reader.name} got ${copy.bytes} bytes with SHA-256 ${copy.sha256}; stored were ${upload.bytes} with ${upload.sha256}`;
    throw new DevnetError('CONTENT_DIFFERS', message, { node: reader.name, cid });
  }
  step(`the ${reader.name}, which never had any of it, fetched all ${copy.bytes} bytes: the SHA-256 is the same`);

  chapter('The contract ends, and everybody is paid');
  const waitMs = Math.max(0, end - watch.time) * 1000 + STEP_MS;
  await when(
    'All hosts are paid',
    (sights) => (ok(sights, 'freeSlot').filter(({ time }) => time >= end).length === slots ? true : undefined),
    waitMs,
  );
  await market.network.restart(client, { ...(signal && { signal }) });
  step('the client is back');
  const last = await when('The client gets what was not used', (sights) => ok(sights, 'withdrawFunds')[0]);
  return {
    requestId,
    cid,
    sha256: copy.sha256,
    lost: lost.name,
    repairedBy,
    ...(await checkMoney(market)),
    calls: watch.sights.length,
    reverted: watch.sights.filter((sight) => !sight.ok).length,
    proofs: ok(watch.sights, 'fillSlot').length + ok(watch.sights, 'submitProof').length,
    missed: ok(watch.sights, 'markProofAsMissing').length,
    seconds: last.time - asked.time,
  };
}

/** Error: `STORY_FAILED` when the request ended before its time. */
function alive(sights: readonly Sight[]): readonly Sight[] {
  const end = eventIn(sights, 'RequestFailed') ?? eventIn(sights, 'RequestCancelled');
  if (end) throw new DevnetError('STORY_FAILED', `The request ended too early: ${end.events.join(', ')}`);
  return sights;
}

const ok = (sights: readonly Sight[], call: string) => sights.filter((sight) => sight.ok && sight.call === call);
const eventIn = (sights: readonly Sight[], event: string) => sights.find(({ events }) => events.includes(event));

/** Who filled a slot last. */
const hostOf = (sights: readonly Sight[], slotIndex: number): Hex =>
  ok(sights, 'fillSlot').findLast((sight) => sight.slotIndex === slotIndex)!.from;

/** Holds what everybody has against the model, to the last unit. Error: `STORY_FAILED`. */
async function checkMoney(market: Market): Promise<Pick<StoryResult, 'money' | 'left'>> {
  const { chain, parties, watch } = market;
  const marketplace = lowerCase(chain.marketplace);
  const { config, rules } = storyRules();
  const balances = new Map(parties.map(({ address }) => [lowerCase(address), TOKENS]));
  const model = new ModelMoney({ config, rules, marketplace, balances });
  for (const sight of watch.sights) {
    const error = model.apply(sight);
    if (error) throw new DevnetError('STORY_FAILED', `The chain took ${sight.call}; the model says ${error}`);
  }
  const money: PartyMoney[] = [];
  for (const { name, address } of [...parties, { name: 'the marketplace', address: marketplace }]) {
    const balance = await watch.balance(address);
    const expected = model.balanceOf(lowerCase(address));
    if (balance !== expected) {
      throw new DevnetError(
        'STORY_FAILED',
        `${name} has ${balance} units of the token; by the rules it is ${expected}`,
      );
    }
    money.push({ name, change: balance - (balances.get(lowerCase(address)) ?? 0n) });
  }
  const left = money.pop()!.change;
  return { money, left };
}
