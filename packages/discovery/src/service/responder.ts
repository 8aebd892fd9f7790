import type { Clock } from '@codex/runtime';
import type { NodeId } from '../identity/node-id.ts';
import type { Notice, Request, Response } from '../message/message.ts';
import type { MessageHandlers } from '../message/messenger.ts';
import type { ProviderTable } from '../providers/provider-table.ts';
import type { SignedRecord } from '../record/signed-record.ts';
import type { Contact } from '../session/contact.ts';
import type { GroupOf } from '../table/address-group.ts';
import { DISTANCE_MAX } from '../table/distances.ts';
import { NODES_FAST_MAX, NODES_MAX } from '../table/node-checks.ts';
import type { RoutingTable } from '../table/routing-table.ts';
import type { TableNode } from '../table/table-node.ts';
import type { ServiceMetrics } from './metrics.ts';

export interface ResponderComponents {
  readonly clock: Clock;
  readonly localId: NodeId;
  readonly table: RoutingTable;
  readonly providers: ProviderTable;
  readonly groupOf: GroupOf;
  readonly metrics: ServiceMetrics;
  localRecord(): SignedRecord;
  /** Anything came from a node. */
  onHeard(id: NodeId): void;
  /** A node says that it has a newer record. */
  onNewer(node: TableNode): void;
}

/** What this node answers (05 §5), and what it learns from being asked. */
export class Responder implements MessageHandlers {
  readonly #c: ResponderComponents;

  constructor(components: ResponderComponents) {
    this.#c = components;
  }

  onRequest(from: Contact, request: Request): Response {
    const node = this.#heardFrom(from);
    switch (request.kind) {
      case 'ping':
        if (node && request.seq > node.record.seq) this.#c.onNewer(node);
        return { kind: 'pong', seq: this.#c.localRecord().seq, endpoint: from.endpoint };
      case 'findNode':
        return { kind: 'nodes', total: 1, records: this.#atDistances(request.distances, from.id) };
      case 'findNodeFast':
        return { kind: 'nodes', total: 1, records: this.#nearest(request.target, from.id) };
      case 'getProviders': {
        const records = this.#c.providers.sample(request.content, this.#c.clock.now());
        return { kind: 'providers', total: 1, records };
      }
      case 'talkRequest':
        return { kind: 'talkResponse', response: new Uint8Array() };
    }
  }

  /** Only the provider itself announces: nobody can point others at a third party. */
  onNotice(from: Contact, notice: Notice): void {
    this.#heardFrom(from);
    const { content, record } = notice;
    if (!record.nodeId.equals(from.id) || from.id.equals(this.#c.localId)) {
      this.#c.metrics.announcementsRefused.inc();
      return;
    }
    const origin = this.#c.groupOf(from.endpoint.ip) ?? from.id.hex;
    this.#c.providers.add(content, record, origin, this.#c.clock.now());
    this.#c.metrics.announcements.inc();
  }

  onContact(from: Contact, record: SignedRecord | undefined, trusted: boolean): void {
    const { table, clock } = this.#c;
    if (record && trusted) table.answered(record, from.endpoint, clock.monotonic());
    else if (record) table.update(record);
    this.#heardFrom(from);
  }

  /** A session proves who sends from where: as good as an answer. */
  #heardFrom(from: Contact): TableNode | undefined {
    this.#c.onHeard(from.id);
    const { table, clock } = this.#c;
    const node = table.get(from.id);
    return node && table.answered(node.record, from.endpoint, clock.monotonic());
  }

  #atDistances(distances: readonly number[], asker: NodeId): SignedRecord[] {
    if (distances.includes(0)) return [this.#c.localRecord()];
    if (distances.some((distance) => distance > DISTANCE_MAX)) return [];
    return recordsOf(this.#c.table.atDistances(distances, NODES_MAX + 1), asker).slice(0, NODES_MAX);
  }

  #nearest(target: NodeId, asker: NodeId): SignedRecord[] {
    const nodes = this.#c.table.closest(target, NODES_FAST_MAX + 1, (node) => node.served);
    return recordsOf(nodes, asker).slice(0, NODES_FAST_MAX);
  }
}

/** Nobody needs to be told of himself. */
function recordsOf(nodes: readonly TableNode[], asker: NodeId): SignedRecord[] {
  return nodes.filter((node) => !node.id.equals(asker)).map((node) => node.record);
}
