import { type Logger, type Random, Semaphore } from '@codex/runtime';
import type { RequestId } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';
import type { Json, RecordStore } from '../storage/records.ts';
import { type Availability, availabilityJson, storedAvailability } from './availability.ts';
import { bestMatch, type SlotTerms } from './matching.ts';
import { type Reservation, reservationRecord, type SaleStage, storedReservation } from './reservation.ts';

/** The store's quota, as a repository keeps it. Errors of `reserve` mean that there is no room. */
export interface Quota {
  /** Bytes set aside now; all of them are the marketplace's. */
  reservedBytes(): number;
  reserve(bytes: number): Promise<void>;
  release(bytes: number): Promise<void>;
}

export interface ReservationsComponents {
  readonly records: RecordStore;
  readonly quota: Quota;
  readonly random: Random;
  readonly logger: Logger;
}

export interface AvailabilityTerms {
  readonly totalSize: number;
  readonly duration: number;
  readonly minPricePerBytePerSecond: bigint;
  readonly totalCollateral: bigint;
  readonly enabled?: boolean;
  readonly until?: number;
}

/** Each is matched against every new slot, and all are shown in one answer. */
const AVAILABILITIES_MAX = 1024;

const AVAILABILITY = 'availability/';
const RESERVATION = 'reservation/';

/**
 * The books of a host: what it offers and what its sales hold of that. At any time, of each availability,
 * totalSize = freeSize + slot sizes of its reservations, and the quota has set aside all free sizes and reservation sizes. One mutation at a
 * time; each is one batch of records.
 */
export class Reservations {
  readonly #c: ReservationsComponents;
  readonly #lock = new Semaphore(1);
  readonly #availabilities = new Map<string, Availability>();
  readonly #reservations = new Map<string, Reservation>();
  readonly #listeners = new Set<() => void>();
  /** Bytes in the books that the quota had no room for when they were opened: it was made smaller. */
  #unbackedBytes = 0;

  private constructor(components: ReservationsComponents) {
    this.#c = components;
    for (const [, record] of components.records.list(AVAILABILITY)) {
      const availability = storedAvailability(record);
      this.#availabilities.set(availability.id, availability);
    }
    for (const [, record] of components.records.list(RESERVATION)) {
      const reservation = storedReservation(record);
      this.#reservations.set(reservation.id, reservation);
    }
  }

  /** Reads the books and brings the quota to what they say: a crash may have come between the two. */
  static async open(components: ReservationsComponents): Promise<Reservations> {
    const books = new Reservations(components);
    await books.#balanceQuota();
    return books;
  }

  list(): readonly Availability[] {
    return [...this.#availabilities.values()];
  }

  get(id: string): Availability | undefined {
    return this.#availabilities.get(id);
  }

  /** All reservations, or those of one availability. */
  reservations(availabilityId?: string): readonly Reservation[] {
    const all = [...this.#reservations.values()];
    return availabilityId === undefined
      ? all
      : all.filter((reservation) => reservation.availabilityId === availabilityId);
  }

  reservation(id: string): Reservation | undefined {
    return this.#reservations.get(id);
  }

  /** Calls `listener` when a slot that found no room before could find some now. Returns how to stop it. */
  onImproved(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Offers space. Errors: `AVAILABILITY_INVALID` with the text of 14 §3, `AVAILABILITIES_LIMIT`. */
  create(terms: AvailabilityTerms): Promise<Availability> {
    return this.#lock.run(async () => {
      checkTerms(terms);
      if (this.#availabilities.size >= AVAILABILITIES_MAX) {
        throw new MarketError('AVAILABILITIES_LIMIT', `There are ${AVAILABILITIES_MAX} availabilities already`);
      }
      const availability: Availability = {
        id: hexId(this.#c.random),
        totalSize: terms.totalSize,
        freeSize: terms.totalSize,
        duration: terms.duration,
        minPricePerBytePerSecond: terms.minPricePerBytePerSecond,
        totalCollateral: terms.totalCollateral,
        totalRemainingCollateral: terms.totalCollateral,
        enabled: terms.enabled ?? true,
        until: terms.until ?? 0,
      };
      await this.#reserveForOffer(terms.totalSize);
      try {
        await this.#save([availability]);
      } catch (error) {
        await this.#c.quota.release(terms.totalSize);
        throw error;
      }
      if (availability.enabled) this.#improved();
      return availability;
    });
  }

  /**
   * Changes an offer; slots that are held stay held. Errors: `AVAILABILITY_UNKNOWN`, `AVAILABILITY_INVALID` with the text of 14 §3.
   */
  update(id: string, changes: Partial<AvailabilityTerms>): Promise<Availability> {
    return this.#lock.run(async () => {
      const before = this.#availabilities.get(id);
      if (!before) throw new MarketError('AVAILABILITY_UNKNOWN', 'Availability not found', { id });
      const held = this.reservations(id);
      checkTerms({ ...before, ...changes });
      const after = { ...before, ...changes };
      const heldBytes = before.totalSize - before.freeSize;
      if (after.totalSize < heldBytes) {
        const text = 'New totalSize must be larger then current totalSize - freeSize, which is currently:';
        throw invalid(`${text} ${heldBytes}`, { heldBytes });
      }
      after.freeSize = after.totalSize - heldBytes;
      if (changes.totalCollateral !== undefined) {
        const locked = held.reduce((sum, { collateral }) => sum + collateral, 0n);
        if (changes.totalCollateral < locked) {
          throw invalid(
            `totalCollateral must be at least what the hosted slots hold, which is currently: ${locked}`,
            {},
          );
        }
        after.totalRemainingCollateral = changes.totalCollateral - locked;
      }
      const longest = held.reduce((latest, { validUntil }) => Math.max(latest, validUntil), 0);
      if (after.until > 0 && after.until < longest) {
        throw invalid('Until parameter must be greater or equal to the longest currently hosted slot', { longest });
      }
      const moreBytes = after.totalSize - before.totalSize;
      if (moreBytes > 0) await this.#reserveForOffer(moreBytes);
      await this.#save([after]);
      if (moreBytes < 0) await this.#release(-moreBytes);
      if (after.enabled && isBetter(after, before)) this.#improved();
      return after;
    });
  }

  /** Whether there is room for such a slot now. */
  find(terms: SlotTerms): Availability | undefined {
    return bestMatch(this.#availabilities.values(), terms);
  }

  /** Takes room for a slot out of the best fit. Error: `AVAILABILITY_MISSING` when there is none. */
  reserve(requestId: RequestId, slotIndex: number, terms: SlotTerms): Promise<Reservation> {
    return this.#lock.run(async () => {
      const availability = this.find(terms);
      if (!availability)
        throw new MarketError('AVAILABILITY_MISSING', 'No availability has room for the slot', { requestId });
      const { slotSize, collateral } = terms;
      const reservation: Reservation = {
        id: hexId(this.#c.random),
        availabilityId: availability.id,
        size: slotSize,
        requestId,
        slotIndex,
        validUntil: terms.requestEnd,
        slotSize,
        collateral,
        stage: 'held',
        closingCollateral: undefined,
      };
      const rest = {
        ...availability,
        freeSize: availability.freeSize - slotSize,
        totalRemainingCollateral: availability.totalRemainingCollateral - collateral,
      };
      await this.#save([rest], [reservation]);
      return reservation;
    });
  }

  /** The store holds `bytes` more of a slot, which its quota counts as used. Error: `RESERVATION_EXCEEDED`. */
  stored(id: string, bytes: number): Promise<void> {
    return this.#lock.run(async () => {
      const reservation = this.#known(id);
      if (bytes > reservation.size) {
        throw new MarketError(
          'RESERVATION_EXCEEDED',
          `A slot stored ${bytes} bytes, and ${reservation.size} were left for it`,
          {
            bytes,
            leftBytes: reservation.size,
          },
        );
      }
      await this.#save([], [{ ...reservation, size: reservation.size - bytes }]);
      await this.#release(bytes);
    });
  }

  /** Notes how far the sale is; `closingCollateral` with `closing`. */
  advance(id: string, stage: SaleStage, closingCollateral?: bigint): Promise<Reservation> {
    return this.#lock.run(async () => {
      const known = this.#known(id);
      const reservation = { ...known, stage, closingCollateral: closingCollateral ?? known.closingCollateral };
      await this.#save([], [reservation]);
      return reservation;
    });
  }

  /**
   * Ends a reservation when the slot's blocks are deleted: its whole space is free again, and of its collateral what came back. Nothing happens
   * when it has ended already. An error of the quota leaves everything as it was.
   */
  end(id: string, returnedCollateral: bigint): Promise<void> {
    return this.#lock.run(async () => {
      const reservation = this.#reservations.get(id);
      const availability = reservation && this.#availabilities.get(reservation.availabilityId);
      if (!reservation || !availability) return;
      const storedBytes = reservation.slotSize - reservation.size;
      if (storedBytes > 0) await this.#c.quota.reserve(storedBytes);
      // A repaired slot pays back more than it cost: that is a gain, not part of what was offered.
      const returned = returnedCollateral < reservation.collateral ? returnedCollateral : reservation.collateral;
      const after = {
        ...availability,
        freeSize: availability.freeSize + reservation.slotSize,
        totalRemainingCollateral: availability.totalRemainingCollateral + returned,
      };
      await this.#save([after], [], [reservation]);
      if (after.enabled) this.#improved();
    });
  }

  #known(id: string): Reservation {
    const reservation = this.#reservations.get(id);
    if (!reservation) throw new MarketError('RESERVATION_UNKNOWN', 'The reservation has ended', { id });
    return reservation;
  }

  async #reserveForOffer(bytes: number): Promise<void> {
    try {
      await this.#c.quota.reserve(bytes);
    } catch (cause) {
      throw new MarketError('AVAILABILITY_INVALID', 'Not enough storage quota', { bytes }, { cause });
    }
  }

  async #release(bytes: number): Promise<void> {
    const unbacked = Math.min(bytes, this.#unbackedBytes);
    this.#unbackedBytes -= unbacked;
    if (bytes > unbacked) await this.#c.quota.release(bytes - unbacked);
  }

  async #save(
    availabilities: readonly Availability[],
    reservations: readonly Reservation[] = [],
    ended: readonly Reservation[] = [],
  ): Promise<void> {
    const changes = new Map<string, Json | undefined>();
    for (const availability of availabilities) {
      changes.set(AVAILABILITY + availability.id, { ...availabilityJson(availability) });
    }
    for (const reservation of reservations) changes.set(RESERVATION + reservation.id, reservationRecord(reservation));
    for (const { id } of ended) changes.set(RESERVATION + id, undefined);
    await this.#c.records.write(changes);
    for (const availability of availabilities) this.#availabilities.set(availability.id, availability);
    for (const reservation of reservations) this.#reservations.set(reservation.id, reservation);
    for (const { id } of ended) this.#reservations.delete(id);
  }

  async #balanceQuota(): Promise<void> {
    const { quota, logger } = this.#c;
    const due =
      this.list().reduce((sum, { freeSize }) => sum + freeSize, 0) +
      this.reservations().reduce((sum, { size }) => sum + size, 0);
    const missing = due - quota.reservedBytes();
    if (missing < 0) await quota.release(-missing);
    if (missing <= 0) return;
    try {
      await quota.reserve(missing);
    } catch (error) {
      this.#unbackedBytes = missing;
      logger.warn('The quota has no room for what is offered for sale', { missingBytes: missing, error });
    }
  }

  #improved(): void {
    for (const listener of this.#listeners) listener();
  }
}

const hexId = (random: Random): string => Buffer.from(random.bytes(32)).toString('hex');

const invalid = (text: string, data: Record<string, unknown>): MarketError =>
  new MarketError('AVAILABILITY_INVALID', text, data);

/** The checks of 14 §3, in its order and words. */
function checkTerms(terms: AvailabilityTerms): void {
  const { totalSize, duration, minPricePerBytePerSecond, totalCollateral, until = 0 } = terms;
  if (!Number.isSafeInteger(totalSize) || totalSize <= 0) throw invalid('Total size must be larger then zero', {});
  if (!Number.isSafeInteger(duration) || duration <= 0) throw invalid('duration must be larger then zero', {});
  if (minPricePerBytePerSecond <= 0n) throw invalid('minPricePerBytePerSecond must be larger then zero', {});
  if (totalCollateral <= 0n) throw invalid('totalCollateral must be larger then zero', {});
  if (!Number.isSafeInteger(until) || until < 0) throw invalid('Cannot set until to a negative value', {});
}

/** True when it may take slots that it would not have taken before. */
function isBetter(after: Availability, before: Availability): boolean {
  return (
    !before.enabled ||
    after.freeSize > before.freeSize ||
    after.duration > before.duration ||
    after.minPricePerBytePerSecond < before.minPricePerBytePerSecond ||
    after.totalRemainingCollateral > before.totalRemainingCollateral ||
    (before.until !== 0 && (after.until === 0 || after.until > before.until))
  );
}
