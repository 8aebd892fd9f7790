import type { Random } from '@codex/runtime';
import { collateralPerSlot } from '../../src/model/amounts.ts';
import { RequestState, SlotState } from '../../src/model/index.ts';
import { checkMarkable } from '../../src/model/mark-missing.ts';
import { isProofRequiredIn, periodEnd, periodOf } from '../../src/model/proofs.ts';
import { requestStateOf, slotStateOf } from '../../src/model/request-state.ts';
import { canReserveSlot, reservationsOf } from '../../src/model/reservations.ts';
import { ZERO_ADDRESS } from '../../src/model/types.ts';
import { validRequest } from './requests.ts';
import { wildAct } from './wild.ts';
import { type Act, type SlotPlace, slotsInPlay, type Timing, type World } from './world.ts';

/** Requests in play at a time. */
const IN_PLAY_MAX = 5;
/** Of so many calls one makes no sense: it must fail as the model says. */
const WILD_ONE_IN = 5;

/** Of so many calls one is made again, or by another. */
const REPEAT_ONE_IN = 20;
/** Calls that may be made again. */
const REMEMBERED = 6;
/** A host that could fill a slot no more tries it once in so many times. */
const LATE_ONE_IN = 20;

/** All purses together are just less than all the money that there can be. */
const PURSE = 2n ** 252n;
/** Who lets the market take less is soon to let it take more. */
const PURSE_MIN = 2n ** 150n;

/** Who they are, by puppet (the last is a stranger to all); anybody does what only others should, now and then. */
const CLIENTS = [0, 1] as const;
const HOSTS = [2, 3, 4, 5, 6] as const;
const VALIDATOR = 7;
export const PUPPETS = 9;

/** How often each kind of sensible call is chosen, when there is one to make. */
const WEIGHTS = {
  request: 6,
  reserve: 22,
  fill: 20,
  prove: 5,
  mark: 40,
  abandon: 2,
  collect: 8,
  withdraw: 5,
  evict: 30,
  late: 2,
  doubt: 4,
  tooLate: 40,
  approve: 3,
} as const;
type Kind = keyof typeof WEIGHTS;

const pick = <T>(random: Random, from: readonly T[]): T => from[random.int(from.length)]!;

/** Thinks of the calls of a play: most further the life of some request, some are nonsense. */
export class Player {
  readonly #random: Random;
  readonly #last: Act[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** The calls that come first of all: everybody gets a purse, and lets the market take of it. */
  opening(world: World): Act[] {
    return world.puppets.flatMap((to, actor): Act[] => [
      { actor, call: { name: 'mint', to, amount: PURSE } },
      { actor, call: { name: 'approve', amount: actor % 2 === 0 ? 2n ** 256n - 1n : 2n ** 190n } },
    ]);
  }

  /** How many calls the next block has. */
  calls(): number {
    return this.#random.int(3) === 0 ? 1 : 1 + this.#random.int(6);
  }

  next(world: World): Act {
    const act = this.#next(world);
    this.#last.push(act);
    if (this.#last.length > REMEMBERED) this.#last.shift();
    return act;
  }

  #next(world: World): Act {
    // What was right a moment ago is wrong when it comes again, or from another.
    if (this.#last.length > 0 && this.#random.int(REPEAT_ONE_IN) === 0) {
      const act = pick(this.#random, this.#last);
      return this.#random.int(3) > 0 ? act : { ...act, actor: this.#random.int(PUPPETS) };
    }
    if (this.#random.int(WILD_ONE_IN) === 0) return wildAct(world, this.#random);
    const options = this.#options(world);
    let total = 0;
    for (const [kind, acts] of options) if (acts.length > 0) total += WEIGHTS[kind];
    if (total === 0) return wildAct(world, this.#random);
    let at = this.#random.int(total);
    for (const [kind, acts] of options) {
      if (acts.length === 0) continue;
      at -= WEIGHTS[kind];
      if (at < 0) return pick(this.#random, acts)();
    }
    throw new Error('unreachable');
  }

  #options(world: World): Map<Kind, (() => Act)[]> {
    const options = new Map<Kind, (() => Act)[]>();
    const may = (kind: Kind, act: () => Act) => {
      const acts = options.get(kind);
      if (acts) acts.push(act);
      else options.set(kind, [act]);
    };
    const { state, block, watched, puppets } = world;
    if (watched.length < IN_PLAY_MAX) may('request', () => this.#request(world));
    for (const record of watched) {
      const requestState = requestStateOf(record, block);
      const over = requestState !== RequestState.New && requestState !== RequestState.Started;
      if (over && !record.withdrawn) may('withdraw', () => this.#withdraw(world, record.id, record.request.client));
    }
    for (const [actor, puppet] of puppets.entries()) {
      if (state.token.allowanceOf(puppet) >= PURSE_MIN) continue;
      may('approve', () => ({ actor, call: { name: 'approve', amount: 2n ** 256n - 1n } }));
    }
    for (const place of slotsInPlay(world)) {
      const { record, index, slotId } = place;
      const slotState = slotStateOf(state, slotId, block);
      const requestId = record.id;
      if (slotState === SlotState.Free || slotState === SlotState.Repair) {
        const reservations = reservationsOf(record, slotId);
        if (requestStateOf(record, block) <= RequestState.Started) {
          const host = pick(this.#random, HOSTS);
          if (canReserveSlot(state, requestId, index, puppets[host]!, block)) {
            const full = reservations.length >= state.config.reservations.maxReservations;
            may(full ? 'evict' : 'reserve', () => ({ actor: host, call: { name: 'reserveSlot', requestId, index } }));
          }
        }
        const until = record.state === RequestState.Started ? record.endsAt : record.expiresAt;
        if (block.timestamp >= until && this.#random.int(LATE_ONE_IN) > 0) continue;
        for (const { host } of reservations) {
          const actor = puppets.indexOf(host);
          const proof = { valid: this.#random.int(20) > 0 };
          may('fill', () => ({ actor, call: { name: 'fillSlot', requestId, index, proof } }));
        }
      } else if (slotState === SlotState.Filled) {
        this.#filled(world, place, may);
      } else if (slotState !== SlotState.Paid) {
        for (const { host } of reservationsOf(record, slotId)) {
          const actor = puppets.indexOf(host);
          may('late', () => ({ actor, call: { name: 'fillSlot', requestId, index, proof: { valid: true } } }));
        }
        const actor = puppets.indexOf(state.hostOf(slotId));
        if (actor >= 0) may('collect', () => this.#collect(world, actor, slotId));
      }
    }
    return options;
  }

  #filled(world: World, { slotId, record }: SlotPlace, may: (kind: Kind, act: () => Act) => void): void {
    const { state, block, puppets } = world;
    const actor = puppets.indexOf(state.hostOf(slotId));
    const now = periodOf(state.config, block.timestamp);
    const slot = state.slots.get(slotId)!;
    if (
      !slot.received.has(now) &&
      (this.#random.int(8) === 0 || holds(() => isProofRequiredIn(state, slotId, now, block)))
    ) {
      may('prove', () => ({
        actor,
        call: { name: 'submitProof', slotId, proof: { valid: this.#random.int(20) > 0 } },
      }));
    }
    const { period: length, timeout } = state.config.proofs;
    // The last two, and the first that can still be marked.
    const oldest = (block.timestamp - timeout) / length;
    for (const period of new Set([now - 1n, now - 2n, oldest])) {
      const validator = this.#random.int(4) > 0 ? VALIDATOR : this.#random.int(PUPPETS);
      const markable = (at: World['block']) =>
        holds(() => checkMarkable(state, slotId, period, puppets[validator]!, at));
      if (!markable(block)) {
        const call = { name: 'markProofAsMissing', slotId, period } as const;
        if (markable({ ...block, timestamp: block.timestamp - 1n })) may('tooLate', () => ({ actor: validator, call }));
        continue;
      }
      const name = this.#random.int(8) === 0 ? 'canMarkProofAsMissing' : 'markProofAsMissing';
      may('mark', () => ({ actor: validator, call: { name, slotId, period } }));
    }
    for (const name of ['canMarkProofAsMissing', 'markProofAsMissing'] as const) {
      may('doubt', () => ({ actor: VALIDATOR, call: { name, slotId, period: now - 1n } }));
    }
    // A host with nothing at stake leaves more lightly.
    if (this.#random.int(collateralPerSlot(record.request.ask) === 0n ? 2 : 4) === 0) {
      may('abandon', () => ({ actor, call: { name: 'freeSlot', slotId } }));
    }
  }

  #request({ state, puppets }: World): Act {
    const actor = pick(this.#random, CLIENTS);
    const request = validRequest(this.#random, puppets[actor]!, state.config.proofs.period);
    return { actor, call: { name: 'requestStorage', request } };
  }

  #withdraw({ puppets }: World, requestId: `0x${string}`, client: `0x${string}`): Act {
    const actor = puppets.indexOf(client);
    const recipient = this.#random.int(3) === 0 ? pick(this.#random, [...puppets, ZERO_ADDRESS]) : undefined;
    return { actor, call: { name: 'withdrawFunds', requestId, ...(recipient && { recipient }) } };
  }

  #collect({ puppets }: World, actor: number, slotId: `0x${string}`): Act {
    const somebody = () => pick(this.#random, [...puppets, ZERO_ADDRESS]);
    const recipients = [somebody(), somebody()] as const;
    return { actor, call: { name: 'freeSlot', slotId, ...(this.#random.int(3) === 0 && { recipients }) } };
  }

  /** When the next block comes: soon, or around an instant at which something changes. */
  timing(world: World): Timing {
    const random = this.#random;
    const looker = random.int(PUPPETS);
    const luck = random.int(300);
    // The pointer moves with the blocks; far enough, and it meets a hash that nobody has.
    const skip = luck === 0 ? 256 + random.int(10) : luck < 15 ? 1 + random.int(60) : 0;
    const now = world.block.timestamp + BigInt(skip);
    const target = this.#instant(world, now) + BigInt(random.int(3) - 1);
    return { advance: target > now ? target - now : 1n, skip, looker };
  }

  #instant(world: World, now: bigint): bigint {
    const random = this.#random;
    const { config } = world.state;
    const { period, timeout } = config.proofs;
    const end = periodEnd(config, periodOf(config, now));
    switch (random.int(17)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return end + 1n;
      case 4:
        return now + ((timeout - (now % period) + period * (1n + timeout / period)) % period);
      case 5:
        return now + BigInt(random.int(Number(period) + 1));
      case 6:
      case 8: {
        const { reservationTimeout } = config.rules;
        const waiting = world.watched.flatMap((record) => [...record.reservations.values()].flat());
        if (waiting.length === 0) return now + 1n;
        return pick(random, waiting).since + reservationTimeout;
      }
      case 7: {
        const ends = world.watched.flatMap((record) => [record.expiresAt, record.endsAt]).filter((at) => at >= now);
        if (ends.length === 0) return now + 1n;
        // Mostly the nearest: others would be over before they began.
        return random.int(6) > 0 ? ends.sort((a, b) => Number(a - b))[0]! : pick(random, ends);
      }
      default:
        return now + BigInt(random.int(4));
    }
  }
}

function holds(view: () => unknown): boolean {
  try {
    return view() !== false;
  } catch {
    return false;
  }
}
