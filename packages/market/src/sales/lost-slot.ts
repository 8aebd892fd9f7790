import type { HostedSlot, SlotTransfer } from './host-storage.ts';
import type { SaleParts } from './sale-parts.ts';

/** When too little is found to rebuild a slot, it is tried again after this, and so often. */
const REPAIR_AGAIN_MS = 10_000;
const REPAIR_LOOKS = 4;

/** Nobody has a lost slot, most of the time; waiting for somebody who has would take longer than making it anew. */
export async function bringLost(
  { clock, logger, storage }: Pick<SaleParts, 'clock' | 'logger' | 'storage'>,
  slot: HostedSlot,
  transfer: SlotTransfer,
): Promise<void> {
  const { signal } = transfer;
  for (let looks = 1; ; looks++) {
    try {
      return await storage.repairSlot(slot, transfer);
    } catch (error) {
      if (signal?.aborted || looks >= REPAIR_LOOKS) throw error;
      const { requestId, slotIndex } = slot;
      logger.info('Too little is found to rebuild a slot: looking for more', { requestId, slotIndex, error });
    }
    // Who asks for the slot finds others of its dataset as well, or whoever lost it.
    const over = new AbortController();
    const cancel = clock.schedule(REPAIR_AGAIN_MS, () => over.abort());
    const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    const isFetched = await storage.fetchSlot(slot, { ...transfer, signal: either }).then(
      () => true,
      () => false,
    );
    cancel();
    if (isFetched) return;
    signal?.throwIfAborted();
  }
}
