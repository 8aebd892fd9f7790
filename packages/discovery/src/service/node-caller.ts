import { type AbortOptions, type Clock, isCodexError } from '@codex/runtime';
import type { Endpoint } from '../datagram/datagram.ts';
import { DiscoveryError } from '../errors.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Request, Response } from '../message/message.ts';
import type { Messenger } from '../message/messenger.ts';
import type { SignedRecord } from '../record/signed-record.ts';
import { canReach, usableNodes } from '../table/node-checks.ts';
import type { RoutingTable } from '../table/routing-table.ts';
import type { DiscoveryLimits } from './limits.ts';

type Pong = Extract<Response, { kind: 'pong' }>;

export interface NodeCallerComponents {
  readonly messenger: Pick<Messenger, 'request' | 'local'>;
  readonly table: RoutingTable;
  readonly clock: Clock;
  readonly localId: NodeId;
  readonly limits: Pick<DiscoveryLimits, 'offlineAfterMs' | 'silentForMs' | 'silentMax'>;
  /** The own seq. */
  seq(): number;
  /** A node says where it sees us. */
  onPong(from: SignedRecord, endpoint: Endpoint, seen: Endpoint): void;
}

/** Asks nodes, and keeps the table up with whether they answer. */
export class NodeCaller {
  readonly #c: NodeCallerComponents;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  /** Nodes that did not answer, by id in hex, the earliest first: until when nobody walks over them. */
  readonly #silent = new Map<string, number>();

  constructor(components: NodeCallerComponents) {
    this.#c = components;
  }

  /** An answer or a request came: the network is there, and so is the node. */
  heard(id: NodeId): void {
    this.#heardAtMs = this.#c.clock.monotonic();
    this.#silent.delete(id.hex);
  }

  /** Takes the newer record if there is one. Errors: as `Messenger.request`, and REQUEST_REFUSED. */
  async ping(node: SignedRecord, options?: AbortOptions): Promise<void> {
    const { response, endpoint } = await this.#ask(node, { kind: 'ping', seq: this.#c.seq() }, options);
    const pong = response as Pong;
    this.#c.onPong(node, endpoint, pong.endpoint);
    if (pong.seq > (this.#c.table.get(node.nodeId)?.record.seq ?? node.seq)) await this.ownRecord(node, options);
  }

  /** The record of a node as it has it now; undefined when it sends another's. */
  async ownRecord(node: SignedRecord, options?: AbortOptions): Promise<SignedRecord | undefined> {
    const { response } = await this.#ask(node, { kind: 'findNode', distances: [0] }, options);
    const records = response.kind === 'nodes' ? response.records : [];
    const own = records.find((record) => record.nodeId.equals(node.nodeId));
    if (own) this.#c.table.update(own);
    return own;
  }

  /** Nodes that `node` knows at the distances from itself. */
  findNode(node: SignedRecord, distances: readonly number[], options?: AbortOptions): Promise<SignedRecord[]> {
    return this.#findNodes(node, { kind: 'findNode', distances }, options);
  }

  /** Nodes that `node` knows nearest to `target`; at most six. */
  findNodeFast(node: SignedRecord, target: NodeId, options?: AbortOptions): Promise<SignedRecord[]> {
    return this.#findNodes(node, { kind: 'findNodeFast', target }, options);
  }

  async getProviders(node: SignedRecord, content: NodeId, options?: AbortOptions): Promise<readonly SignedRecord[]> {
    this.#refuseSilent(node.nodeId);
    const { response } = await this.#ask(node, { kind: 'getProviders', content }, options);
    return response.kind === 'providers' ? response.records : [];
  }

  async #findNodes(
    node: SignedRecord,
    body: Extract<Request, { kind: 'findNode' | 'findNodeFast' }>,
    options: AbortOptions | undefined,
  ): Promise<SignedRecord[]> {
    this.#refuseSilent(node.nodeId);
    const { response, endpoint, from } = await this.#ask(node, body, options);
    const records = response.kind === 'nodes' ? response.records : [];
    const distances = body.kind === 'findNode' ? { distances: body.distances } : {};
    const sender = { id: node.nodeId, endpoint };
    const usable = usableNodes(records, sender, { local: this.#c.localId, from, ...distances });
    for (const { record, endpoint: told } of usable) this.#c.table.suggest(record, told);
    return usable.map(({ record }) => record);
  }

  async #ask(node: SignedRecord, body: Request, options: AbortOptions | undefined) {
    const { messenger, table, clock } = this.#c;
    const from = messenger.local;
    const endpoint = node.udp;
    if (!from || !endpoint || !canReach(from, endpoint)) {
      throw new DiscoveryError('REQUEST_REFUSED', 'The node has no address that can be reached', { reason: 'address' });
    }
    try {
      const contact = { id: node.nodeId, endpoint, record: node };
      const response = await messenger.request(contact, body, { signal: options?.signal });
      this.heard(node.nodeId);
      table.answered(node, endpoint, clock.monotonic());
      return { response, endpoint, from };
    } catch (error) {
      const now = clock.monotonic();
      if (isCodexError(error, 'RESPONSE_UNEXPECTED')) table.drop(node.nodeId);
      if (isCodexError(error, 'REQUEST_TIMEOUT')) {
        const online = now - this.#heardAtMs < this.#c.limits.offlineAfterMs;
        table.failed(node.nodeId, now, online);
        if (online) this.#note(node.nodeId, now);
      }
      throw error;
    }
  }

  /** Dead nodes are told of for a while yet: waiting for each of them again would slow every walk down. */
  #refuseSilent(id: NodeId): void {
    const untilMs = this.#silent.get(id.hex);
    if (untilMs === undefined) return;
    if (this.#c.clock.monotonic() < untilMs) {
      throw new DiscoveryError('REQUEST_TIMEOUT', 'The node did not answer a moment ago', { contact: id.hex });
    }
    this.#silent.delete(id.hex);
  }

  #note(id: NodeId, now: number): void {
    this.#silent.delete(id.hex);
    this.#silent.set(id.hex, now + this.#c.limits.silentForMs);
    for (const [oldest, untilMs] of this.#silent) {
      if (untilMs > now && this.#silent.size <= this.#c.limits.silentMax) break;
      this.#silent.delete(oldest);
    }
  }
}
