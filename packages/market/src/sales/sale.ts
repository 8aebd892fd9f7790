import type { RequestId, SlotId, StorageRequest } from '../chain/marketplace.ts';
import { revertOf } from '../machine/chain-errors.ts';
import { Machine } from '../machine/machine.ts';
import { Wake } from '../machine/wake.ts';
import type { Reservation } from './reservation.ts';
import { collect, filled, proving, unknown } from './sale-hosting.ts';
import { hostedSlot, type LetGo, type SaleContext, type SaleParts } from './sale-parts.ts';
import { downloading, filling, initialProving, preparing, slotReserving } from './sale-taking.ts';
import { SALE_TRANSITIONS, type SaleState } from './transitions.ts';

/** Before anything is at stake a state is tried so often; others have the slot else. */
const TRIES = 4;
const BEFORE: ReadonlySet<SaleState> = new Set([
  'preparing',
  'slotReserving',
  'downloading',
  'initialProving',
  'filling',
]);
const TRANSFERRING: ReadonlySet<SaleState> = new Set(['slotReserving', 'downloading']);

/** A proof may be due: whoever hosts does not wait for long. */
const HOSTING_WAIT_MS = 5000;

export interface SaleInit {
  readonly requestId: RequestId;
  readonly slotId: SlotId;
  readonly slotIndex: number;
  /** `preparing` for a new one; `unknown` for one that is gone on with. */
  readonly initial: 'preparing' | 'unknown';
  readonly request?: StorageRequest | undefined;
  readonly reservation?: Reservation | undefined;
  readonly onState: (state: SaleState) => void;
}

/** One slot of a host, from the first look at it until it is paid and its data are gone (14 §6). */
export class Sale {
  readonly #machine: Machine<SaleState>;
  readonly #context: SaleContext;
  readonly #onState: (state: SaleState) => void;

  constructor(parts: SaleParts, init: SaleInit) {
    const { requestId, slotId, slotIndex, request, reservation, initial } = init;
    this.#onState = init.onState;
    this.#context = {
      parts,
      requestId,
      slotId,
      slotIndex,
      request,
      reservation,
      wake: new Wake(),
      proof: undefined,
      permit: undefined,
      letGo: 'never',
      error: undefined,
    };
    const sale = this.#context;
    this.#machine = new Machine(parts, {
      transitions: SALE_TRANSITIONS,
      initial,
      states: {
        unknown: (signal) => unknown(sale, signal),
        preparing: (signal) => preparing(sale, signal),
        slotReserving: (signal) => slotReserving(sale, signal),
        downloading: (signal) => downloading(sale, signal),
        initialProving: (signal) => initialProving(sale, signal),
        filling: (signal) => filling(sale, signal),
        filled: (signal) => filled(sale, signal),
        proving: (signal) => proving(sale, signal),
        payout: async (signal) => {
          await collect(sale, signal);
          return 'finished';
        },
        cancelled: async (signal) => {
          await collect(sale, signal);
          await this.#clean();
          return undefined;
        },
        failed: async (signal) => {
          await collect(sale, signal);
          sale.error = 'Sale failed';
          return 'errored';
        },
        finished: () => this.#clean(),
        errored: () => this.#clean(),
        ignored: () => this.#clean(),
      },
      enter: async (state, from) => {
        if (!TRANSFERRING.has(state)) this.#freePermit();
        parts.logger.info('Sale', { requestId, slotIndex, from, state, error: sale.error });
        parts.counters.entered.inc(1, { state });
        this.#onState(state);
      },
      failed: (error, state, failures) => this.#failed(error, state, failures),
      longestWaitMs: (state) => (BEFORE.has(state) ? undefined : HOSTING_WAIT_MS),
    });
  }

  get requestId(): RequestId {
    return this.#context.requestId;
  }

  get slotId(): SlotId {
    return this.#context.slotId;
  }

  get slotIndex(): number {
    return this.#context.slotIndex;
  }

  get state(): SaleState {
    return this.#machine.state;
  }

  get request(): StorageRequest | undefined {
    return this.#context.request;
  }

  get reservation(): Reservation | undefined {
    const { parts, reservation } = this.#context;
    return reservation && parts.reservations.reservation(reservation.id);
  }

  get error(): string | undefined {
    return this.#context.error;
  }

  /** Whether it may be tried again, once it has ended. */
  get letGo(): LetGo {
    return this.#context.letGo;
  }

  /** Something happened to the slot or its request on the chain. */
  wake(): void {
    this.#context.wake.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { parts, requestId, slotIndex } = this.#context;
    parts.logger.debug('Sale', { requestId, slotIndex, state: this.state });
    try {
      await this.#machine.run(signal);
    } finally {
      this.#freePermit();
    }
  }

  #freePermit(): void {
    this.#context.permit?.();
    this.#context.permit = undefined;
  }

  #failed(error: unknown, state: SaleState, failures: number): SaleState | undefined {
    // Once the filling was sent, the slot may be ours: only the chain can end this.
    const sent = this.#context.reservation?.stage === 'filling' && revertOf(error) === undefined;
    if (!BEFORE.has(state) || sent) return undefined;
    if (revertOf(error) === undefined && failures + 1 < TRIES) return undefined;
    this.#context.error = error instanceof Error ? error.message : String(error);
    if (state !== 'preparing') return 'errored';
    // The manifest cannot be had, or the chain: perhaps another time.
    this.#context.letGo = 'later';
    return 'ignored';
  }

  /** Deletes the data, then gives room and collateral back to the availability. */
  async #clean(): Promise<undefined> {
    const sale = this.#context;
    const { storage, reservations } = sale.parts;
    const { reservation } = this;
    if (!reservation && this.state === 'ignored') return undefined;
    await storage.release(await hostedSlot(sale));
    if (reservation) await reservations.end(reservation.id, returnedCollateral(reservation));
    return undefined;
  }
}

/** What the chain has not kept. */
function returnedCollateral({ stage, collateral, closingCollateral }: Reservation): bigint {
  if (stage === 'closing') return closingCollateral ?? 0n;
  return stage === 'filled' ? 0n : collateral;
}
