import { type Address, SlotState } from '../../src/model/index.ts';
import type { MarketState, RequestRecord } from '../../src/model/market-state.ts';
import type { Scene } from './play.ts';
import type { Act, World } from './world.ts';

/** Calls in one block of the end. */
const ACTS_MAX = 20;

/** The end of a play: after the last request is over, every host and client takes what is theirs. */
export function payersLeft({ state, block, puppets, watched }: World): Scene[] {
  const last = watched.reduce((end, { expiresAt, endsAt }) => max(end, max(expiresAt, endsAt)), block.timestamp);
  const acts = watched.flatMap((record) => actsOf(record, state, puppets));
  const scenes: Scene[] = [];
  for (let at = 0; at < acts.length; at += ACTS_MAX) {
    const advance = at === 0 ? last - block.timestamp + 1n : 1n;
    scenes.push({ timing: { advance, skip: 0, looker: 0 }, acts: acts.slice(at, at + ACTS_MAX) });
  }
  return scenes;
}

function actsOf(record: RequestRecord, state: MarketState, puppets: readonly Address[]): Act[] {
  const found: Act[] = [];
  for (const slotId of record.slotIds.values()) {
    const slot = state.slots.get(slotId);
    if (slot?.state !== SlotState.Filled) continue;
    found.push({ actor: puppets.indexOf(slot.host), call: { name: 'freeSlot', slotId } });
  }
  if (record.withdrawn) return found;
  const client = puppets.indexOf(record.request.client);
  return [...found, { actor: client, call: { name: 'withdrawFunds', requestId: record.id } }];
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
