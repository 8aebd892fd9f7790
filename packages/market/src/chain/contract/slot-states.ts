import { marketplaceAbi } from '@codex/contracts';
import type { Address, SlotId } from '../marketplace.ts';
import { answerOf, type ContractReader } from './contract-reader.ts';

/** Slots of one call: code for a creation has at most 48 KiB, and nodes limit its gas. */
const SLOTS_AT_ONCE = 100;

/** States of many slots as the contract numbers them: one call for each hundred. Errors: `CHAIN_REFUSED`, `CHAIN_UNREACHABLE`. */
export async function readSlotStates(
  reader: ContractReader,
  marketplace: Address,
  ids: readonly SlotId[],
): Promise<readonly number[]> {
  const states: number[] = [];
  for (let at = 0; at < ids.length; at += SLOTS_AT_ONCE) {
    const views = ids.slice(at, at + SLOTS_AT_ONCE).map((id) => {
      return { address: marketplace, abi: marketplaceAbi, name: 'slotState', args: [id] };
    });
    const said = (await reader.readTogether(views))?.said ?? (await reader.readAll(views, { tag: 'pending' }));
    states.push(...said.map((one) => answerOf<number>('slotState', one)));
  }
  return states;
}
