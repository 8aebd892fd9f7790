import { readFileSync } from 'node:fs';
import type { AbortOptions } from '@codex/runtime';
import type { Hex } from 'viem';
import { DevnetError } from '../errors.ts';
import type { Upload } from '../rest-client.ts';
import type { SourceFile } from '../source-file.ts';
import type { Market } from './market.ts';
import { MarketRest, type Offer, type Terms } from './market-rest.ts';
import type { Sight } from './sight.ts';

/** What a busy machine may take for a step that takes a second or two. */
export const STEP_MS = 60_000;

/** Hosts take their pay so long after the end, seconds: not before the clocks of all agree. */
const CLOSE_SECONDS = 15;
/** Between the look of a host at a slot and its call in a block, blocks: another host's call can come first. */
const RACE_BLOCKS = 4n;
/** Into a period, what a call of the one before may take on a busy machine; seconds. */
const LATE_SECONDS = 3;

/** How a story tells what happens, beside what the chain shows. */
export interface StoryListener {
  chapter?(title: string): void;
  step?(text: string): void;
}

/** A request for storage that is on the chain. */
export interface Contract {
  readonly requestId: Hex;
  readonly upload: Upload;
  /** Of the dataset with its slots: what hosts have. */
  readonly cid: string;
  readonly slots: number;
  /** Bytes of a slot. */
  readonly slotSize: bigint;
  /** Times of the chain, seconds since 1970. */
  readonly asked: number;
  readonly expiry: number;
  readonly end: number;
}

/** What all stories on a marketplace do: offer, buy, wait for what the chain shows. */
export class Scene {
  readonly market: Market;
  readonly signal: AbortSignal | undefined;
  readonly #listener: StoryListener;

  constructor(market: Market, { signal, listener = {} }: AbortOptions & { readonly listener?: StoryListener }) {
    this.market = market;
    this.signal = signal ?? undefined;
    this.#listener = listener;
  }

  chapter(title: string): void {
    this.#listener.chapter?.(title);
  }

  step(text: string): void {
    this.#listener.step?.(text);
  }

  /** All calls of the marketplace so far. */
  get sights(): readonly Sight[] {
    return this.market.watch.sights;
  }

  /** Time of the newest block, seconds since 1970. */
  get time(): number {
    return this.market.watch.time;
  }

  /** Resolves with what `find` finds. Error: `STORY_STUCK` when that takes longer than `deadlineMs`. */
  when<T>(
    what: string,
    find: (sights: readonly Sight[], time: number) => T | undefined,
    deadlineMs = STEP_MS,
  ): Promise<T> {
    return this.market.watch.when(what, find, { deadlineMs, signal: this.signal });
  }

  /** Resolves when a node has logged a line with this text in it. */
  async said(name: string, text: string): Promise<void> {
    const { logFile } = this.market.node(name);
    await this.when(`${name} says: ${text}`, () => (readFileSync(logFile, 'utf8').includes(text) ? true : undefined));
  }

  /** Offers space on hosts; default: all of them. */
  async offer(offer: Offer, hosts = this.market.hosts): Promise<void> {
    for (const host of hosts) await new MarketRest(host.url).offer(offer, { signal: this.signal });
  }

  /** The client uploads a file and buys storage for it; resolves when the chain has the request. */
  async buy(source: SourceFile, terms: Terms): Promise<Contract> {
    const { signal, market } = this;
    const client = market.node('client');
    const upload = await client.rest.upload(source.path, { name: source.name, size: source.size, signal });
    const rest = new MarketRest(client.url);
    return this.asked(await rest.buy(upload.cid, terms, { signal }), upload);
  }

  /** Resolves when the chain has a request of the client, which is for what was uploaded. */
  async asked(requestId: Hex, upload: Upload): Promise<Contract> {
    const { signal, market } = this;
    const asked = await this.when('The request reaches the chain', (sights) =>
      done(sights, 'requestStorage').find((sight) => sight.requestId === requestId),
    );
    const { ask, expiry } = await market.watch.request(requestId);
    const rest = new MarketRest(market.node('client').url);
    const cid = (await rest.purchase(requestId, { signal })).request?.content.cid ?? '';
    const { time } = asked;
    return {
      requestId,
      upload,
      cid,
      slots: Number(ask.slots),
      slotSize: ask.slotSize,
      asked: time,
      expiry: time + Number(expiry),
      end: time + Number(ask.duration),
    };
  }

  /** Resolves when all slots of a request are filled. Errors: `STORY_STUCK`, `STORY_FAILED` when it expires. */
  async filled(contract: Contract): Promise<Sight> {
    return this.when(
      'All slots are filled',
      (sights) => eventOf(this.alive(sights, contract), contract, 'RequestFulfilled'),
      (contract.expiry - this.time) * 1000 + STEP_MS,
    );
  }

  /** Resolves when every slot has been proved so many times after it was filled. */
  async proved(contract: Contract, times = 1): Promise<void> {
    await this.when(
      'Every slot is proved',
      (sights) => {
        const proofs = of(done(this.alive(sights, contract), 'submitProof'), contract);
        const slots = Array.from({ length: contract.slots }, (_, i) => i);
        const isProved = (slot: number) => proofs.filter(({ slotIndex }) => slotIndex === slot).length >= times;
        return slots.every(isProved) ? true : undefined;
      },
      times * STEP_MS,
    );
  }

  /** Resolves when the contract is over and all its slots are paid. */
  async paid(contract: Contract): Promise<void> {
    const { end, slots } = contract;
    await this.when(
      'All hosts are paid',
      (sights) =>
        of(done(this.alive(sights, contract), 'freeSlot'), contract).filter(({ time }) => time >= end).length === slots
          ? true
          : undefined,
      Math.max(0, end - this.time) * 1000 + STEP_MS,
    );
  }

  /** Resolves when the client has what its request did not use. */
  refunded(contract: Contract): Promise<Sight> {
    const { end } = contract;
    return this.when(
      'The client gets what was not used',
      (sights) => of(done(sights, 'withdrawFunds'), contract)[0],
      Math.max(0, end - this.time) * 1000 + STEP_MS,
    );
  }

  /** Resolves when every slot that is held has its proof of the present period: no call is on its way then. */
  async quiet(contracts: readonly Contract[]): Promise<void> {
    const { periodSeconds } = this.market.pace;
    const periodOf = (time: number) => Math.floor(time / periodSeconds);
    await this.when('Every slot is proved in the same period', (sights, now) => {
      const held = contracts.flatMap((contract) => heldSlots(sights, contract));
      return held.length > 0 && held.every(({ time }) => periodOf(time) === periodOf(now)) ? true : undefined;
    });
  }

  /**
   * When nothing but proofs would come until a contract is over, and paid, the chain's clock is set to then. `over`: seconds since 1970.
   */
  async skipTo(over: number, contracts: readonly Contract[]): Promise<void> {
    await this.quiet(contracts);
    const seconds = over + CLOSE_SECONDS - this.time;
    if (seconds > 0) await this.market.chain.skip(seconds);
    this.step(`the clock of the chain is set ${seconds} s forward`);
  }

  /**
   * Error: `STORY_FAILED` when the chain refused a call that was not late: for a slot that another host has taken, in the same block or since
   * it looked, or for the period whose proof came with it. `isKnown`: other calls whose refusal is explained.
   */
  expectOnlyLate(isKnown: (sight: Sight) => boolean = () => false): void {
    const { sights } = this;
    const { periodSeconds } = this.market.pace;
    for (const late of sights.filter((sight) => !sight.ok && !isKnown(sight))) {
      const isTaken = (other: Sight) =>
        other.ok &&
        other.call === late.call &&
        other.from !== late.from &&
        other.requestId === late.requestId &&
        other.slotIndex === late.slotIndex &&
        other.block <= late.block &&
        other.block + RACE_BLOCKS >= late.block;
      const isOver = late.call === 'fillSlot' && late.time % periodSeconds < LATE_SECONDS;
      const isLate = ['reserveSlot', 'fillSlot'].includes(late.call) && (isOver || sights.some(isTaken));
      this.expect(`${this.market.nameOf(late.from)} was late with ${late.call} of slot ${late.slotIndex}`, isLate);
    }
  }

  /** Fetches a request's file on a node, from whoever has it, and compares it. Error: `CONTENT_DIFFERS`. */
  async read({ cid, upload }: Contract, name: string): Promise<string> {
    const copy = await this.market.node(name).rest.download(cid, { signal: this.signal });
    if (copy.sha256 !== upload.sha256 || copy.bytes !== upload.bytes) {
      const message = `${name} got ${copy.bytes} bytes with SHA-256 ${copy.sha256}; stored were ${upload.bytes} with ${upload.sha256}`;
      throw new DevnetError('CONTENT_DIFFERS', message, { node: name, cid });
    }
    return copy.sha256;
  }

  /** The same calls. Error: `STORY_FAILED` when the request ended before its time. */
  alive(sights: readonly Sight[], contract: Contract): readonly Sight[] {
    const end = eventOf(sights, contract, 'RequestFailed') ?? eventOf(sights, contract, 'RequestCancelled');
    if (end) throw new DevnetError('STORY_FAILED', `The request ended too early: ${end.events.join(', ')}`);
    return sights;
  }

  /** Error: `STORY_FAILED` when something is not as it has to be. */
  expect(what: string, holds: boolean): void {
    if (!holds) throw new DevnetError('STORY_FAILED', `It is not so: ${what}`);
  }

  /** The slot that a host has filled. Error: `STORY_FAILED` when it has none. */
  slotOf(contract: Contract, name: string): number {
    const fills = of(done(this.sights, 'fillSlot'), contract);
    const slotIndex = fills.findLast(({ from }) => this.market.nameOf(from) === name)?.slotIndex;
    if (slotIndex === undefined) throw new DevnetError('STORY_FAILED', `${name} has no slot`);
    return slotIndex;
  }

  /** The name of whoever filled a slot last. */
  hostOf(contract: Contract, slotIndex: number): string {
    const fill = of(done(this.sights, 'fillSlot'), contract).findLast((sight) => sight.slotIndex === slotIndex);
    if (!fill) throw new DevnetError('STORY_FAILED', `Nobody has slot ${slotIndex}`);
    return this.market.nameOf(fill.from);
  }
}

/** The calls of one function that the chain took. */
export const done = (sights: readonly Sight[], call: string): readonly Sight[] =>
  sights.filter((sight) => sight.ok && sight.call === call);

/** The calls that were about one request. */
export const of = (sights: readonly Sight[], { requestId }: Contract): readonly Sight[] =>
  sights.filter((sight) => sight.requestId === requestId);

/** The call of a request in which an event happened first. */
export const eventOf = (sights: readonly Sight[], contract: Contract, event: string): Sight | undefined =>
  of(sights, contract).find(({ events }) => events.includes(event));

/** Of each slot of a request that somebody has, when it was proved last. */
function heldSlots(sights: readonly Sight[], contract: Contract): { readonly time: number }[] {
  const held = new Map<number, { time: number }>();
  for (const { ok, call, slotIndex, time, events } of of(sights, contract)) {
    if (!ok || slotIndex === undefined) continue;
    if (call === 'fillSlot' || call === 'submitProof') held.set(slotIndex, { time });
    if (call === 'freeSlot' || events.includes('SlotFreed')) held.delete(slotIndex);
  }
  return [...held.values()];
}
