import { createHash } from 'node:crypto';
import type { Dataset, Repository } from '@codex/content';
import type { Counter, MetricsRegistry } from '@codex/runtime';
import { seededRandom, VirtualClock } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import {
  Exchange,
  type ExchangeInit,
  MemoryHub,
  type MemoryLink,
  MemoryNetwork,
  type PeerFinder,
} from '../../src/index.ts';

export const BLOCK = 16_384;

/** Metrics that a test reads. */
export class Counts implements MetricsRegistry {
  readonly #values = new Map<string, number>();
  counter({ name }: { name: string }): Counter {
    return { inc: (by = 1) => this.#values.set(name, (this.#values.get(name) ?? 0) + by) };
  }
  gauge(): ReturnType<MetricsRegistry['gauge']> {
    return { set: () => {}, inc: () => {} };
  }
  histogram(): ReturnType<MetricsRegistry['histogram']> {
    return { observe: () => {} };
  }
  /** By its name without the prefix of the exchange. */
  get(name: string): number {
    return this.#values.get(`codex_block_exchange_${name}`) ?? 0;
  }
}

export interface SimulatedNode {
  readonly network: MemoryNetwork;
  readonly repository: Repository;
  readonly exchange: Exchange;
  readonly metrics: Counts;
}

/** Nodes on one hub in virtual time: the same seed, the same run. */
export class SimulatedSwarm {
  readonly clock = new VirtualClock();
  readonly nodes: SimulatedNode[] = [];
  readonly #hub: MemoryHub;
  readonly #link: MemoryLink;
  readonly #seed: number;

  constructor(init: { link: MemoryLink; seed?: number }) {
    this.#link = init.link;
    this.#seed = init.seed ?? 0;
    this.#hub = new MemoryHub({ clock: this.clock }, init.link);
  }

  /** A node that knows nobody yet. */
  async add(
    options: { limits?: ExchangeInit; repository?: Repository; finder?: PeerFinder; peerId?: string } = {},
  ): Promise<SimulatedNode> {
    const { clock } = this;
    const number = this.nodes.length;
    const network = new MemoryNetwork({ hub: this.#hub }, { peerId: options.peerId ?? `peer-${number}` });
    const repository = options.repository ?? new MemoryRepository({ clock });
    const metrics = new Counts();
    const finder = options.finder ? { finder: options.finder } : {};
    const random = seededRandom(this.#seed * 1000 + number);
    const exchange = new Exchange({ network, repository, clock, random, metrics, ...finder }, options.limits);
    network.start();
    await exchange.start();
    const node = { network, repository, exchange, metrics };
    this.nodes.push(node);
    return node;
  }

  async connect(one: SimulatedNode, other: SimulatedNode): Promise<void> {
    const connected = one.network.connect(other.network.peerId, other.network.listenAddrs());
    await this.clock.advance(2 * this.#link.latencyMs + 1);
    await connected;
  }

  /** Connects every node with every other. */
  async connectAll(): Promise<void> {
    for (const [i, node] of this.nodes.entries())
      for (const other of this.nodes.slice(0, i)) await this.connect(node, other);
  }

  /** Virtual ms until the promise settles. */
  async timeOf(work: Promise<unknown>, limitMs = 300_000): Promise<number> {
    const { clock } = this;
    const from = clock.now();
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => {});
    while (!done && clock.now() - from < limitMs) await clock.advance(1);
    if (!done) throw new Error(`Not done after ${limitMs} ms of virtual time`);
    await settled;
    return clock.now() - from;
  }

  stop(): void {
    for (const { exchange } of this.nodes) exchange.stop();
  }
}

/** Content of a test: deterministic, no two blocks equal. */
export function contentOf(seed: number, blocks: number, blockSize = BLOCK): Uint8Array {
  const bytes = new Uint8Array(blocks * blockSize);
  for (let i = 0; i < blocks; i++) bytes.set(createHash('sha256').update(`${seed}/${i}`).digest(), i * blockSize);
  return bytes;
}

/** Puts some leaves of one dataset into another, as if they had been fetched. */
export async function copyLeaves(from: Dataset, to: Dataset, start: number, count: number): Promise<void> {
  for await (const batch of from.read({ start, count })) {
    await to.learn(await from.prove({ start: batch.start, count: batch.count }));
    await to.putLeaves(
      batch.start,
      batch.blocks.map((block) => block.slice()),
    );
    batch.release();
  }
}

/** A dataset that behaves like another except in what is overridden. */
export function altered(dataset: Dataset, overrides: Partial<Dataset>): Dataset {
  return new Proxy(dataset, {
    get(target, key) {
      const value: unknown = Reflect.get(key in overrides ? overrides : target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
