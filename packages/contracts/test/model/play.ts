import {
  type Block,
  type Bytes32,
  brokenInvariants,
  brokenTransitions,
  type CallResult,
  MarketplaceModel,
  type ModelConfig,
  type Mover,
  SlotState,
  type StatesSeen,
  statesSeen,
} from '../../src/model/index.ts';
import { type RequestRecord, slotIdIn } from '../../src/model/market-state.ts';
import { reservationsOf } from '../../src/model/reservations.ts';
import { encodeCall, encodeEvent } from './encode.ts';
import { errorNamed } from './errors.ts';
import { PUPPETS } from './player.ts';
import { fold, wordsSeen } from './seen.ts';
import { type Outcome, Stage, type StageAct } from './stage.ts';
import { type Act, isSettled, type Timing, type World } from './world.ts';

/** Where the model and the EVM, or the model and its invariants, part. */
export class Disagreement extends Error {}

/** A marketplace, and what the model takes it for: the same, but where a test wants to see a difference found. */
export interface Subject {
  readonly config: ModelConfig;
  readonly modelled: ModelConfig;
}

/** A block of a play, so that it can be played again. */
export interface Scene {
  readonly timing: Timing;
  readonly acts: readonly Act[];
}

/** What the model says of a call, to be compared when the block has run. */
interface Expected {
  readonly act: Act | undefined;
  readonly result: CallResult;
  readonly seen: bigint;
}

/** How often each call ended in each way: `fillSlot ok`, `fillSlot: slot Repair → Filled`, `event SlotFilled`. */
export type Coverage = Map<string, number>;

const nameOf = (state: SlotState): string =>
  Object.entries(SlotState).find(([, value]) => value === state)?.[0] ?? `${state}`;

/** The model and the contracts, call by call. Only what differs between them ends it. */
export class Play {
  readonly #stage: Stage;
  readonly #model: MarketplaceModel;
  /** In the order in which the contract looks at them. */
  readonly #watched: RequestRecord[] = [];
  readonly scenes: Scene[] = [];
  readonly coverage: Coverage = new Map();
  /** Calls, and blocks: what time does is a step too. */
  steps = 0;
  #donated = 0n;
  #before: StatesSeen;

  private constructor(stage: Stage, config: ModelConfig) {
    this.#stage = stage;
    this.#model = new MarketplaceModel(config, stage.market);
    this.#before = statesSeen(this.#model.state, stage);
  }

  static async open({ config, modelled }: Subject): Promise<Play> {
    return new Play(await Stage.open(config, PUPPETS), modelled);
  }

  /** As it stands after the last block; the next one is later. */
  get world(): World {
    return this.#worldIn(this.#blockAfter(0n));
  }

  /** Plays one block; `acts` gives call after call, and sees what those before it did. */
  async block(timing: Timing, acts: Iterable<(world: World) => Act>): Promise<void> {
    if (timing.skip > 0) {
      await this.#stage.skip(timing.skip);
      this.steps++;
    }
    const block = this.#blockAfter(timing.advance);
    const world = this.#worldIn(block);
    this.#check('time', block);
    const before = this.#seen(block, timing.looker);
    const played: Act[] = [];
    const sent: StageAct[] = [];
    const expected: Expected[] = [];
    this.scenes.push({ timing, acts: played });
    const internal = (act: StageAct) => {
      sent.push(act);
      expected.push({ act: undefined, result: { ok: true, events: [] }, seen: this.#seen(block, act.actor) });
    };
    for (const next of acts) {
      const act = next(world);
      played.push(act);
      sent.push({ actor: act.actor, ...encodeCall(act.call, this.#stage.market) });
      const result = this.#apply(act, block);
      expected.push({ act, result, seen: result.ok ? this.#seen(block, act.actor) : 0n });
      if (result.ok) for (const change of this.#follow(act)) internal(change);
    }
    const { seen, outcomes } = await this.#stage.block(block.timestamp, timing.looker, sent);
    if (seen !== before) await this.#part('time', timing.looker);
    for (const [at, expectation] of expected.entries()) await this.#compare(expectation, outcomes[at]);
    this.steps += 1 + played.length;
  }

  /** What the market holds when everybody took what is theirs: only what it was given. */
  checkEmpty(): void {
    const { state } = this.#model;
    const held = state.token.balanceOf(this.#stage.market);
    if (held !== this.#donated) throw new Disagreement(`${held - this.#donated} tokens stay behind`);
  }

  close(): Promise<void> {
    return this.#stage.close();
  }

  #blockAfter(advance: bigint): Block {
    const stage = this.#stage;
    return {
      number: stage.number + 1n,
      timestamp: stage.timestamp + advance,
      hashOf: (number) => stage.hashOf(number),
    };
  }

  #worldIn(block: Block): World {
    return { state: this.#model.state, block, puppets: this.#stage.puppets, watched: this.#watched };
  }

  #seen(block: Block, looker: number): bigint {
    return fold(this.#words(block, looker));
  }

  #words(block: Block, looker: number, names?: string[]): bigint[] {
    const { state } = this.#model;
    return wordsSeen({ state, block, puppets: this.#stage.puppets, looker, watched: this.#watched }, names);
  }

  #apply({ actor, call }: Act, block: Block): CallResult {
    const sender = this.#stage.puppets[actor];
    if (!sender) throw new Error(`No puppet ${actor}`);
    const full = call.name === 'reserveSlot' && this.#isFull(call);
    const result = this.#model.apply(call, sender, block);
    if (full && result.ok) this.#count('reserveSlot: in the place of another');
    this.#count(`${call.name} ${result.ok ? 'ok' : result.error}`);
    if (result.ok) {
      for (const { name } of result.events) this.#count(`event ${name}`);
      for (const [id, state] of statesSeen(this.#model.state, block).slots) {
        const from = this.#before.slots.get(id) ?? SlotState.Free;
        if (from !== state) this.#count(`${call.name}: slot ${nameOf(from)} → ${nameOf(state)}`);
      }
    }
    if (result.ok && call.name === 'transfer' && call.to === this.#stage.market) this.#donated += call.amount;
    this.#check(call.name, block);
    return result;
  }

  #isFull({ requestId, index }: { requestId: Bytes32; index: bigint }): boolean {
    const record = this.#model.state.requests.get(requestId);
    if (!record) return false;
    return (
      reservationsOf(record, slotIdIn(record, index)).length >= this.#model.state.config.reservations.maxReservations
    );
  }

  #count(outcome: string): void {
    this.coverage.set(outcome, (this.coverage.get(outcome) ?? 0) + 1);
  }

  #check(mover: Mover, block: Block): void {
    const { state } = this.#model;
    const now = statesSeen(state, block);
    const broken = [...brokenTransitions(this.#before, now, mover), ...brokenInvariants(state, block, this.#donated)];
    this.#before = now;
    if (broken.length > 0) throw new Disagreement(`After ${mover}: ${broken.join('; ')}`);
  }

  /** What is looked at follows what is in play. */
  *#follow({ call }: Act): Generator<StageAct> {
    if (call.name === 'requestStorage') {
      const record = [...this.#model.state.requests.values()].at(-1)!;
      this.#watched.push(record);
      yield this.#stage.watch(record.id, record.request.ask.slots);
    }
    if (call.name !== 'freeSlot' && call.name !== 'withdrawFunds') return;
    const place = this.#watched.findIndex((record) => isSettled(this.#model.state, record));
    if (place < 0) return;
    const last = this.#watched.pop()!;
    if (place < this.#watched.length) this.#watched[place] = last;
    yield this.#stage.forget(place);
  }

  async #compare({ act, result, seen }: Expected, outcome: Outcome | undefined): Promise<void> {
    const what = act ? `${act.call.name} by ${act.actor}` : 'a change of what is looked at';
    if (!outcome) throw new Disagreement(`${what}: the block did not come to it`);
    const [said, did] = [result.ok ? 'ok' : result.error, outcome.ok ? 'ok' : errorNamed(outcome.selector)];
    if (said !== did) throw new Disagreement(`${what}: the model says ${said}, the EVM ${did}`);
    if (!result.ok) return;
    const lines = (token: boolean) =>
      result.events.filter(({ name }) => (name === 'Transfer') === token).map((event) => encodeEvent(event));
    for (const [events, logs] of [
      [lines(false), outcome.market],
      [lines(true), outcome.token],
    ] as const) {
      if (events.join('\n') === logs.join('\n')) continue;
      throw new Disagreement(`${what}: events\n${events.join('\n')}\nlogs\n${logs.join('\n')}`);
    }
    if (seen !== outcome.seen) await this.#part(what, act?.actor ?? 0);
  }

  /** Names the first word that differs; a block of several calls may have hidden it again. */
  async #part(what: string, looker: number): Promise<never> {
    const names: string[] = [];
    const said = this.#words({ ...this.#blockAfter(0n), number: this.#stage.number }, looker, names);
    const did = await this.#stage.words(looker);
    const at = names.findIndex((_, at) => said[at] !== did[at]);
    const word = at < 0 ? 'no word differs at the end of the block' : `${names[at]}: ${said[at]} ≠ ${did[at]}`;
    throw new Disagreement(`${what}: the model sees another state; ${word}`);
  }
}
