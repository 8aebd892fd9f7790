import { type Cid, isManifestCid, type ManifestCid } from '@codex/content';
import { requestIdOf } from '@codex/contracts';
import {
  type AvailabilityJson,
  type AvailabilityTerms,
  availabilityJson,
  type Marketplace,
  type PurchaseJson,
  type PurchaseWish,
  type Purchasing,
  purchaseJson,
  type RequestId,
  type ReservationJson,
  type Reservations,
  requestJson,
  reservationJson,
  type SaleJson,
  type Sales,
  type SlotId,
  type StorageRequestJson,
  saleJson,
} from '@codex/market';
import { type AbortOptions, CodexError } from '@codex/runtime';
import type { DatasetTerms } from './dataset-terms.ts';

export interface NodeMarketComponents {
  readonly marketplace: Marketplace;
  readonly purchasing: Purchasing;
  readonly reservations: Reservations;
  readonly datasets: DatasetTerms;
  /** None: this node does not prove, or its part failed. */
  readonly sales: () => Sales | undefined;
}

export interface SlotJson {
  readonly request: StorageRequestJson;
  readonly slotIndex: number;
  readonly id: string;
}

/** What a purchase would cost; amounts as decimal strings. */
export interface QuoteJson {
  readonly slots: number;
  readonly slotSize: number;
  readonly price: string;
  readonly collateralPerSlot: string;
  readonly balance: string;
}

/** The marketplace as the REST API shows it: ids are 64 hexadecimal digits in lower case (06 §4). */
export class NodeMarket {
  readonly #c: NodeMarketComponents;

  constructor(components: NodeMarketComponents) {
    this.#c = components;
  }

  /** Slots that the chain says are ours. Error: `CHAIN_UNREACHABLE`. */
  async slots(): Promise<SlotJson[]> {
    const { marketplace, sales } = this.#c;
    const slots = (await marketplace.mySlots()).map(async (id): Promise<SlotJson | undefined> => {
      const sale = sales()?.get(id);
      if (sale?.request) {
        return { request: requestJson(sale.request, sale.requestId), slotIndex: sale.slotIndex, id };
      }
      const active = await marketplace.activeSlot(id);
      if (!active) return undefined;
      const { request, slotIndex } = active;
      return { request: requestJson(request, requestIdOf(request)), slotIndex: Number(slotIndex), id };
    });
    return (await Promise.all(slots)).filter((slot) => slot !== undefined);
  }

  sale(slotId: string): SaleJson | undefined {
    const sale = this.#c.sales()?.get(`0x${slotId}` as SlotId);
    return sale && saleJson(sale);
  }

  availabilities(): AvailabilityJson[] {
    return this.#c.reservations.list().map(availabilityJson);
  }

  hasAvailability(id: string): boolean {
    return this.#c.reservations.get(id) !== undefined;
  }

  /** Errors: `AVAILABILITY_INVALID`, `AVAILABILITIES_LIMIT`. */
  async offer(terms: AvailabilityTerms): Promise<AvailabilityJson> {
    return availabilityJson(await this.#c.reservations.create(terms));
  }

  /** Errors: `AVAILABILITY_UNKNOWN`, `AVAILABILITY_INVALID`. */
  async change(id: string, changes: Partial<AvailabilityTerms>): Promise<void> {
    await this.#c.reservations.update(id, changes);
  }

  reservationsOf(id: string): ReservationJson[] {
    return this.#c.reservations.reservations(id).map(reservationJson);
  }

  /** The purchase's id. Errors: those of `DatasetTerms.prepare` and `Purchasing.purchase`. */
  async buy(
    cid: Cid,
    wish: PurchaseWish,
    options: AbortOptions & { readonly key?: string | undefined },
  ): Promise<string> {
    const { datasets, marketplace, purchasing } = this.#c;
    const { requestDurationLimit } = marketplace.configuration;
    const terms = await datasets.prepare(manifestCidOf(cid), wish, requestDurationLimit, options);
    const { record } = await purchasing.purchase(terms, { key: options.key });
    return record.id.slice(2);
  }

  /** Errors: those of `DatasetTerms.ask`, `CHAIN_UNREACHABLE`. */
  async quote(cid: Cid, wish: PurchaseWish, options: AbortOptions): Promise<QuoteJson> {
    const { datasets, marketplace, purchasing } = this.#c;
    const ask = await datasets.ask(manifestCidOf(cid), wish, marketplace.configuration.requestDurationLimit, options);
    const { price, collateralPerSlot, balance } = await purchasing.quote(ask);
    return {
      slots: Number(ask.slots),
      slotSize: Number(ask.slotSize),
      price: price.toString(),
      collateralPerSlot: collateralPerSlot.toString(),
      balance: balance.toString(),
    };
  }

  purchases(): string[] {
    return this.#c.purchasing.list().map(({ record }) => record.id);
  }

  purchase(id: string): PurchaseJson | undefined {
    const purchase = this.#c.purchasing.get(`0x${id}` as RequestId);
    return purchase && purchaseJson(purchase);
  }
}

/** Error: `MANIFEST_INVALID`. */
function manifestCidOf(cid: Cid): ManifestCid {
  if (!isManifestCid(cid)) throw new CodexError('MANIFEST_INVALID', 'The CID names no manifest');
  return cid;
}
