import type { Context } from './context.ts';
import { formatBytes, printable, table } from './format.ts';
import {
  AVAILABILITIES,
  type AvailabilityJson,
  marketEach,
  marketJson,
  marketList,
  type RequestJson,
  type ReservationJson,
  unlessMissing,
} from './market-api.ts';

interface SlotJson {
  readonly id: string;
  readonly slotIndex: number;
  readonly requestId: string;
  readonly request: RequestJson | null;
}

/** A sale that is under way (14 §3). */
interface SaleJson {
  readonly state: string;
  readonly request: RequestJson | null;
}

/**
 * Lists the slots that the node fills: those that the chain gives it, and those that it is still fetching or proving. The state is null of a slot
 * that the node does nothing about.
 */
export async function sales(context: Context): Promise<void> {
  const slots = new Map<string, SlotJson>();
  // First what is reserved: a slot that is filled meanwhile is in the second list.
  for (const slot of await reservedSlots(context)) slots.set(slot.id, slot);
  for (const { id, slotIndex, request } of await marketList<{ id: string; slotIndex: number; request: RequestJson }>(
    context,
    '/sales/slots',
  )) {
    slots.set(id, { id, slotIndex, requestId: request.id, request });
  }
  const all = await marketEach([...slots.values()], async (slot) => {
    const path = `/sales/slots/${encodeURIComponent(slot.id)}`;
    const sale = await marketJson<SaleJson>(context, path).catch(unlessMissing);
    return { ...slot, state: sale?.state ?? null, request: slot.request ?? sale?.request ?? null };
  });
  context.output.result(all, () => {
    if (all.length === 0) return [];
    const rows = all.map(({ id, state, slotIndex, requestId, request }) => [
      printable(id),
      printable(state ?? '-'),
      String(slotIndex),
      request ? formatBytes(request.ask.slotSize) : '-',
      printable(requestId),
    ]);
    return table([['SLOT', 'STATE', 'INDEX', 'SIZE', 'REQUEST'], ...rows]);
  });
}

/** The routes list slots only when they are filled; what they reserve space for tells of the others. */
async function reservedSlots(context: Context): Promise<SlotJson[]> {
  const availabilities = await marketList<AvailabilityJson>(context, AVAILABILITIES);
  const reservations = await marketEach(availabilities, ({ id }) =>
    marketList<ReservationJson>(context, `${AVAILABILITIES}/${encodeURIComponent(id)}/reservations`),
  );
  const reserved = reservations.flat();
  if (reserved.length === 0) return [];
  // Loaded when it is needed: other verbs must start at once.
  const { slotIdOf } = await import('@codex/contracts');
  return reserved.flatMap(({ requestId, slotIndex }) => {
    const digits = /^0x([0-9a-f]{64})$/.exec(requestId)?.[1];
    if (!digits || !Number.isSafeInteger(slotIndex) || slotIndex < 0) return [];
    return [{ id: slotIdOf(`0x${digits}`, BigInt(slotIndex)), slotIndex, requestId, request: null }];
  });
}
