import type { AbortOptions } from '@codex/runtime';
import type { Hex } from 'viem';
import { DevnetError } from '../errors.ts';

const BASE = '/api/codex/v1';

/** Space that a host sells (14 §3); prices and collateral in units of the token. */
export interface Offer {
  /** Bytes. */
  readonly totalSize: number;
  /** Seconds. */
  readonly duration: number;
  readonly minPricePerBytePerSecond: bigint;
  readonly totalCollateral: bigint;
}

/** Conditions of a purchase (13 §1). */
export interface Terms {
  /** Seconds. */
  readonly duration: number;
  /** Seconds after the request. */
  readonly expiry: number;
  /** Mean of periods between two proofs of a slot. */
  readonly proofProbability: bigint;
  readonly pricePerBytePerSecond: bigint;
  readonly collateralPerByte: bigint;
  /** Slots, and how many of them may be lost. */
  readonly nodes: number;
  readonly tolerance: number;
}

export interface PurchaseView {
  readonly state: string;
  readonly error: string | null;
  /** The CID is that of the dataset with its slots: it can be downloaded from hosts. */
  readonly request: { readonly content: { readonly cid: string } } | null;
}

/** The marketplace's routes of a node that stories need. Errors: `NODE_REFUSED`, `NODE_UNREACHABLE`. */
export class MarketRest {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async offer(offer: Offer, { signal }: AbortOptions = {}): Promise<void> {
    await this.#ask('POST', '/sales/availability', offer, signal);
  }

  /** Cuts and protects the dataset, and asks for storage; the id of the request. Two calls with one `key` are one purchase. */
  async buy(cid: string, terms: Terms, { signal, key }: AbortOptions & { readonly key?: string } = {}): Promise<Hex> {
    const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
    const id = (await this.#ask('POST', `/storage/request/${cid}`, terms, signal, headers)).trim();
    return `0x${id.replace(/^0x/, '')}`;
  }

  async purchase(id: Hex, { signal }: AbortOptions = {}): Promise<PurchaseView> {
    return JSON.parse(await this.#ask('GET', `/storage/purchases/${id}`, undefined, signal)) as PurchaseView;
  }

  async #ask(
    method: string,
    path: string,
    body: object | undefined,
    signal: AbortSignal | undefined,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#url}${BASE}${path}`, {
        method,
        // A connection that outlives its node would fail the next request.
        headers: { ...headers, 'Content-Type': 'application/json', Connection: 'close' },
        body: body && JSON.stringify(body, (_, value) => (typeof value === 'bigint' ? value.toString() : value)),
        signal,
      } as RequestInit);
      text = await response.text();
    } catch (error) {
      signal?.throwIfAborted();
      const data = { url: this.#url };
      throw new DevnetError('NODE_UNREACHABLE', `${method} ${path}: ${String(error)}`, data, { cause: error });
    }
    if (response.ok) return text;
    const { status } = response;
    throw new DevnetError('NODE_REFUSED', `${method} ${path}: ${status} ${text}`, { status, body: text });
  }
}
