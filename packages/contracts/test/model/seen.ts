import { type Address, type Block, type Bytes32, SlotState } from '../../src/model/index.ts';
import { type MarketState, type RequestRecord, slotIdIn } from '../../src/model/market-state.ts';
import {
  challengeOf,
  effectiveProbability,
  isProofRequiredIn,
  periodOf,
  pointerOf,
  willProofBeRequiredIn,
} from '../../src/model/proofs.ts';
import { requestEndOf, requestStateOf, slotStateOf } from '../../src/model/request-state.ts';
import { canReserveSlot } from '../../src/model/reservations.ts';
import { ModelRevert } from '../../src/model/revert.ts';
import { selectorOf } from './errors.ts';

/** What `Lockstep.seen` gives, told by the model. */
export interface Looked {
  readonly state: MarketState;
  readonly block: Block;
  readonly puppets: readonly Address[];
  readonly looker: number;
  /** In the order in which the contract has them. */
  readonly watched: readonly RequestRecord[];
}

const FAILED = 1n << 255n;
const FACTOR = 0xd1342543de82ef95a0761d6478bd642fe7037ed1a0b428dba24baed4963ee407n;

/** One number for all words, as the contract folds them. */
export function fold(words: readonly bigint[]): bigint {
  let folded = 0n;
  for (const word of words) folded = BigInt.asUintN(256, (folded ^ word) * FACTOR);
  return folded;
}

const bit = (value: boolean): bigint => (value ? 1n : 0n);

/** The word of a view, or what its error is. */
function word(view: () => bigint | boolean): bigint {
  try {
    return BigInt(view());
  } catch (error) {
    if (!(error instanceof ModelRevert)) throw error;
    return FAILED | selectorOf(error.errorName);
  }
}

function sumOf(ids: ReadonlySet<Bytes32> | undefined): bigint {
  let sum = 0n;
  for (const id of ids ?? []) sum += BigInt(id) | 1n;
  return BigInt.asUintN(256, sum);
}

/** The words that the contract gives, and what each is: for a report. */
export function wordsSeen(looked: Looked, names?: string[]): bigint[] {
  const { state, block, puppets, looker, watched } = looked;
  const words: bigint[] = [];
  const put = (name: string, value: bigint) => {
    words.push(value);
    names?.push(name);
  };
  const me = puppets[looker]!;
  put('looker', BigInt(me));
  put('balance of the market', state.token.balanceOf(state.address));
  put('supply', state.token.totalSupply);
  for (const [at, puppet] of puppets.entries()) put(`balance of ${at}`, state.token.balanceOf(puppet));
  put('myRequests', sumOf(state.requestsOf.get(me)));
  put('mySlots', sumOf(state.slotsOf.get(me)));
  for (const [at, record] of watched.entries()) {
    put(`request ${at}: state`, BigInt(requestStateOf(record, block)));
    put(`request ${at}: end`, requestEndOf(record, block));
    put(`request ${at}: expiry`, record.expiresAt);
    for (let index = 0n; index < record.request.ask.slots; index++) {
      const slotId = slotIdIn(record, index);
      putSlot((name, value) => put(`request ${at}: slot ${index}: ${name}`, value), looked, record, slotId, index);
    }
  }
  return words;
}

function putSlot(
  put: (name: string, value: bigint) => void,
  { state, block, puppets, looker }: Looked,
  record: RequestRecord,
  slotId: Bytes32,
  index: bigint,
): void {
  const { config } = state;
  const slot = state.slots.get(slotId);
  const slotState = slotStateOf(state, slotId, block);
  const period = periodOf(config, block.timestamp);
  put('state', BigInt(slotState));
  put('host', BigInt(slot?.host ?? 0n));
  put('collateral', slot?.currentCollateral ?? 0n);
  put('misses', slot?.missedCount ?? 0n);
  put('pointer', pointerOf(config, slotId, period, block));
  if (slotState !== SlotState.Filled) {
    put('may be reserved', bit(canReserveSlot(state, record.id, index, puppets[looker]!, block)));
    return;
  }
  put(
    'challenge',
    word(() => BigInt(challengeOf(config, slotId, period, block))),
  );
  put(
    'proof required',
    word(() => isProofRequiredIn(state, slotId, period, block)),
  );
  put(
    'proof in the downtime',
    word(() => willProofBeRequiredIn(state, slotId, period, block)),
  );
  put('probability', effectiveProbability(config, record.request.ask.proofProbability));
}
