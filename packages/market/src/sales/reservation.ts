import type { RequestId } from '../chain/marketplace.ts';
import type { Json } from '../storage/records.ts';

/**
 * How far a sale has come, kept because the chain cannot tell after a crash: `reserving`, `filling` and `closing` are written before the
 * transaction is sent, `reserved` and `filled` after it is in a block.
 */
export type SaleStage = 'held' | 'reserving' | 'reserved' | 'filling' | 'filled' | 'closing';

/** Space and collateral that a sale holds of an availability (14 §1). */
export interface Reservation {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly availabilityId: string;
  /** Bytes of quota that are still set aside: those of the slot that are not stored, padding included. */
  readonly size: number;
  readonly requestId: RequestId;
  readonly slotIndex: number;
  /** End of the request, Unix seconds. */
  readonly validUntil: number;
  /** Bytes that were taken from the availability. */
  readonly slotSize: number;
  /** Collateral that was taken from the availability. */
  readonly collateral: bigint;
  readonly stage: SaleStage;
  /** From `closing` on: what the contract gives back of the collateral. */
  readonly closingCollateral: bigint | undefined;
}

/** How the REST API shows one (14 §1). */
export interface ReservationJson {
  readonly id: string;
  readonly availabilityId: string;
  readonly size: number;
  readonly requestId: string;
  readonly slotIndex: number;
  readonly validUntil: number;
}

export function reservationJson(reservation: Reservation): ReservationJson {
  return {
    id: `0x${reservation.id}`,
    availabilityId: `0x${reservation.availabilityId}`,
    size: reservation.size,
    requestId: reservation.requestId,
    slotIndex: reservation.slotIndex,
    validUntil: reservation.validUntil,
  };
}

/** As it is stored. */
export function reservationRecord(reservation: Reservation): Json {
  return {
    ...reservation,
    collateral: reservation.collateral.toString(),
    closingCollateral: reservation.closingCollateral?.toString() ?? null,
  };
}

export function storedReservation(record: Json): Reservation {
  const json = record as unknown as Reservation & { collateral: string; closingCollateral: string | null };
  return {
    ...json,
    collateral: BigInt(json.collateral),
    closingCollateral: json.closingCollateral === null ? undefined : BigInt(json.closingCollateral),
  };
}
