import type { NodeId } from '@codex/discovery';
import { distribution, mean, percentile, rounded } from '../result.ts';
import type { DhtNetwork, SimulatedNode } from './network.ts';

/** Searches at one time: each at another node. */
const BATCH = 10;
/** Between the beginnings of two. */
const APART_MS = 20;

/** A content and who announced it. */
export interface Offer {
  readonly content: NodeId;
  readonly provider: SimulatedNode;
}

interface Search {
  readonly found: boolean;
  /** Until the provider was heard of, if it was. */
  readonly firstMs: number;
  /** Until nobody was left to ask. */
  readonly ms: number;
  /** Of the searching node meanwhile, in both directions. */
  readonly datagrams: number;
  readonly bytes: number;
}

interface Walk {
  readonly hops: number;
  readonly requests: number;
  readonly failures: number;
}

/** Lets `count` nodes announce one content each. */
export async function announceSome(network: DhtNetwork, count: number): Promise<Offer[]> {
  const offers = network.some(count).map((provider) => ({ provider, content: network.someId() }));
  for (const { provider, content } of offers) {
    await network.until(provider.discovery.provide(content, network.providerRecord(provider.identity)));
  }
  return offers;
}

/** Searches and walks of many nodes, and what came of them. */
export class Searches {
  readonly #network: DhtNetwork;
  readonly #offers: readonly Offer[];
  readonly searches: Search[] = [];
  readonly walks: Walk[] = [];

  constructor(network: DhtNetwork, offers: readonly Offer[]) {
    this.#network = network;
    this.#offers = offers;
  }

  /** `count` searches for contents that nodes announced, by others. */
  async search(count: number): Promise<void> {
    await this.#inBatches(count, async (node) => {
      const others = this.#offers.filter(({ provider }) => provider !== node);
      const offer = others[this.#network.random.int(others.length)];
      if (offer) this.searches.push(await this.#search(node, offer));
    });
  }

  /** `count` walks towards ids of nobody. */
  async walk(count: number): Promise<void> {
    await this.#inBatches(count, async ({ discovery }) => {
      this.walks.push(await discovery.lookup(this.#network.someId()));
    });
  }

  /** The share of searches that found the provider. */
  get rate(): number {
    return mean(this.searches.map(({ found }) => Number(found)));
  }

  /** Percents of searches that had their provider after so many ms. */
  get firstMs(): [number, number][] {
    return distribution(this.searches.filter(({ found }) => found).map(({ firstMs }) => firstMs));
  }

  figures(): Record<string, number> {
    const found = this.searches.filter((search) => search.found);
    const of = (key: keyof Walk) => rounded(mean(this.walks.map((walk) => walk[key])));
    return {
      searches: this.searches.length,
      'found %': rounded(100 * this.rate),
      'first provider ms p50': percentile(
        found.map(({ firstMs }) => firstMs),
        0.5,
      ),
      'first provider ms p99': percentile(
        found.map(({ firstMs }) => firstMs),
        0.99,
      ),
      'whole search ms p50': percentile(
        this.searches.map(({ ms }) => ms),
        0.5,
      ),
      'whole search ms p99': percentile(
        this.searches.map(({ ms }) => ms),
        0.99,
      ),
      'datagrams per search': rounded(mean(this.searches.map(({ datagrams }) => datagrams))),
      'KB per search': rounded(mean(this.searches.map(({ bytes }) => bytes)) / 1000),
      hops: of('hops'),
      'hops at most': this.walks.reduce((most, { hops }) => Math.max(most, hops), 0),
      'requests per walk': of('requests'),
      'failed requests per walk': of('failures'),
    };
  }

  async #search({ discovery, traffic }: SimulatedNode, { content, provider }: Offer): Promise<Search> {
    const { clock } = this.#network;
    const before = { ...traffic };
    const began = clock.monotonic();
    const { peerId } = provider.identity;
    let firstMs: number | undefined;
    await discovery.findProviders(content, {
      onFound: (record) => {
        if (record.peerId === peerId) firstMs ??= clock.monotonic() - began;
      },
    });
    return {
      found: firstMs !== undefined,
      firstMs: firstMs ?? 0,
      ms: clock.monotonic() - began,
      datagrams: traffic.sent + traffic.received - before.sent - before.received,
      bytes: traffic.sentBytes + traffic.receivedBytes - before.sentBytes - before.receivedBytes,
    };
  }

  async #inBatches(count: number, run: (node: SimulatedNode) => Promise<void>): Promise<void> {
    const network = this.#network;
    for (let done = 0; done < count; done += BATCH) {
      const under: Promise<void>[] = [];
      for (const node of network.some(Math.min(BATCH, count - done))) {
        under.push(run(node));
        await network.clock.advance(APART_MS);
      }
      await network.until(Promise.all(under));
    }
  }
}
