import { marketplaceAbi } from '@codex/contracts';
import type { Address, SlotId } from '../marketplace.ts';
import type { ContractReader, Said } from './contract-reader.ts';

/** Slots of one call: code for a creation has at most 48 KiB, what it returns 24, and nodes limit its gas. */
const SLOTS_AT_ONCE = 100;

/**
 * Which of many slots may be marked as missing a period's proof: one call for each hundred. Those that may are asked for once more as the
 * account itself, which may not mark its own slots. Errors: `CHAIN_REFUSED`, `CHAIN_UNREACHABLE`: a failure says nothing about a slot.
 */
export async function markableSlots(
  reader: ContractReader,
  marketplace: Address,
  ids: readonly SlotId[],
  period: bigint,
): Promise<readonly SlotId[]> {
  const viewsOf = (of: readonly SlotId[]) =>
    of.map((id) => ({ address: marketplace, abi: marketplaceAbi, name: 'canMarkProofAsMissing', args: [id, period] }));
  const isMarkable = (_: SlotId, i: number, said: readonly Said[]) => !('revert' in said[i]!);
  const candidates: SlotId[] = [];
  for (let at = 0; at < ids.length; at += SLOTS_AT_ONCE) {
    const page = ids.slice(at, at + SLOTS_AT_ONCE);
    const block = await reader.readTogether(viewsOf(page));
    candidates.push(...(block ? page.filter((id, i) => isMarkable(id, i, block.said)) : page));
  }
  const said = await reader.readAll(viewsOf(candidates), { tag: 'pending' });
  return candidates.filter((id, i) => isMarkable(id, i, said));
}
