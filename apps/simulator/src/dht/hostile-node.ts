import {
  type Contact,
  type Endpoint,
  type Identity,
  Messenger,
  type Request,
  type Response,
  SignedRecord,
} from '@codex/discovery';
import { seededRandom } from '@codex/runtime';
import type { DhtNetwork } from './network.ts';

/**
 * `silent`: answers pings, so that it stays in tables, and nothing else. `junk`: answers with what was not asked, with
 * nodes and providers that do not exist. `selfish`: tells of itself and its like only.
 */
export type Malice = 'silent' | 'junk' | 'selfish';

export interface HostileInit {
  readonly malice: Malice;
  /** One of the network's own when left out. */
  readonly listen?: Endpoint;
  /** Made by the network when left out. */
  readonly identity?: Identity;
}

/** What the hostile nodes of one network share. */
export interface Conspiracy {
  readonly members: SignedRecord[];
  /** Records that verify, of nodes and providers that do not exist. */
  readonly invented: readonly SignedRecord[];
}

/** Nodes that one hostile node makes itself known to: more than a table of a network of thousands holds. */
const INTRODUCTIONS_MAX = 150;
/** Between them: slow enough for nobody to take offence. */
const INTRODUCTION_MS = 250;
/** The farthest distances: nearly all nodes. */
const DISTANCES = [256, 255, 254, 253, 252];
const TOLD_MAX = 16;
const PORT = 8090;

export const conspiracy = (network: DhtNetwork, inventedCount = 64): Conspiracy => ({
  members: [],
  invented: Array.from({ length: inventedCount }, () =>
    SignedRecord.sign(network.identity(), { seq: 1, addresses: [`/ip4/${network.address()}/udp/9`] }),
  ),
});

/** A node that speaks the protocol, makes itself known wherever it can, and answers as it likes. */
export class HostileNode {
  readonly record: SignedRecord;
  readonly #network: DhtNetwork;
  readonly #malice: Malice;
  readonly #shared: Conspiracy;
  readonly #messenger: Messenger;
  readonly #known = new Map<string, SignedRecord>();
  #stopped = false;

  constructor(network: DhtNetwork, shared: Conspiracy, { malice, ...init }: HostileInit) {
    const { listen = { ip: network.address(), port: PORT }, identity = network.identity() } = init;
    this.#network = network;
    this.#malice = malice;
    this.#shared = shared;
    this.record = SignedRecord.sign(identity, { seq: 1, addresses: [`/ip4/${listen.ip}/udp/${listen.port}`] });
    const { clock, datagrams, curve, records } = network;
    const random = seededRandom(network.random.int(2 ** 32));
    this.#messenger = new Messenger(
      {
        identity,
        datagrams,
        clock,
        random,
        curve,
        records,
        localRecord: () => this.record,
        knownRecord: (id) => this.#known.get(id.hex),
      },
      { listen },
    );
    this.#messenger.serve({
      onRequest: (from, request) => this.#answer(from, request),
      onNotice() {},
      onContact: (_, record) => {
        if (record) this.#known.set(record.nodeId.hex, record);
      },
    });
    shared.members.push(this.record);
  }

  async start(): Promise<void> {
    await this.#messenger.start();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#messenger.stop();
  }

  /** Learns of nodes from others, and pings them all, so that they take it into their tables. */
  async spread(from: readonly SignedRecord[], introductionsMax = INTRODUCTIONS_MAX): Promise<void> {
    const queue = [...from];
    const seen = new Set(queue.map(({ nodeId }) => nodeId.hex));
    for (let met = 0; met < introductionsMax && !this.#stopped; met++) {
      const next = queue.splice(this.#network.random.int(Math.max(1, queue.length)), 1)[0];
      if (!next) return;
      const answer = await this.#ask(next, { kind: 'findNode', distances: DISTANCES });
      await this.#ask(next, { kind: 'ping', seq: 1 });
      for (const record of answer?.kind === 'nodes' ? answer.records : []) {
        if (seen.has(record.nodeId.hex)) continue;
        seen.add(record.nodeId.hex);
        queue.push(record);
      }
      await this.#network.clock.sleep(INTRODUCTION_MS);
    }
  }

  async #ask(record: SignedRecord, request: Request): Promise<Response | undefined> {
    if (!record.udp) return undefined;
    try {
      return await this.#messenger.request({ id: record.nodeId, endpoint: record.udp, record }, request);
    } catch {
      return undefined;
    }
  }

  #answer({ endpoint }: Contact, request: Request): Response | undefined {
    const pong: Response = { kind: 'pong', seq: 1, endpoint };
    if (request.kind === 'ping') return pong;
    switch (this.#malice) {
      case 'silent':
        return undefined;
      case 'selfish':
        return this.#tell(request, [this.record, ...this.#some(this.#shared.members)]);
      case 'junk':
        return this.#network.random.int(3) === 0 ? pong : this.#tell(request, this.#some(this.#shared.invented));
    }
  }

  #tell(request: Request, records: readonly SignedRecord[]): Response {
    return { kind: request.kind === 'getProviders' ? 'providers' : 'nodes', total: 1, records };
  }

  #some(records: readonly SignedRecord[]): SignedRecord[] {
    const at = this.#network.random.int(Math.max(1, records.length));
    return [...records.slice(at), ...records.slice(0, at)].slice(0, TOLD_MAX);
  }
}
