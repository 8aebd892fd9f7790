import { type Address, type Block, type Bytes32, type Call, SlotState } from '../../src/model/index.ts';
import { type MarketState, type RequestRecord, slotIdIn } from '../../src/model/market-state.ts';

/** A call, and which puppet makes it. */
export interface Act {
  readonly actor: number;
  readonly call: Call;
}

/** When a block comes, and who looks at it. */
export interface Timing {
  /** Seconds after the block before, 1 or more. */
  readonly advance: bigint;
  /** Empty blocks before it. */
  readonly skip: number;
  readonly looker: number;
}

/** What a player sees when it thinks of its next call. */
export interface World {
  readonly state: MarketState;
  readonly block: Block;
  readonly puppets: readonly Address[];
  /** Requests in play: the others are settled. */
  readonly watched: readonly RequestRecord[];
}

export interface SlotPlace {
  readonly record: RequestRecord;
  readonly index: bigint;
  readonly slotId: Bytes32;
}

/** All slots of the requests in play. */
export function slotsInPlay({ watched }: Pick<World, 'watched'>): SlotPlace[] {
  const places: SlotPlace[] = [];
  for (const record of watched) {
    for (let index = 0n; index < record.request.ask.slots; index++) {
      places.push({ record, index, slotId: slotIdIn(record, index) });
    }
  }
  return places;
}

/** True when neither the client nor a host can get anything of it any more. */
export function isSettled(state: MarketState, record: RequestRecord): boolean {
  if (!record.withdrawn) return false;
  for (const slotId of record.slotIds.values()) if (state.slots.get(slotId)?.state === SlotState.Filled) return false;
  return true;
}
