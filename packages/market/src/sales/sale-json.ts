import { requestJson, type StorageRequestJson } from '../purchasing/purchase-json.ts';
import { type ReservationJson, reservationJson } from './reservation.ts';
import type { Sale } from './sale.ts';
import { saleStateName } from './transitions.ts';

/** A sale as the REST API shows it (14 §3). */
export interface SaleJson {
  readonly state: string;
  readonly requestId: string;
  readonly slotIndex: number;
  readonly request: StorageRequestJson | null;
  readonly reservation: ReservationJson | null;
}

export function saleJson({ state, requestId, slotIndex, request, reservation }: Sale): SaleJson {
  return {
    state: saleStateName(state),
    requestId,
    slotIndex,
    request: request ? requestJson(request, requestId) : null,
    reservation: reservation ? reservationJson(reservation) : null,
  };
}
