import type { AbortOptions, Clock, Random } from '@codex/runtime';
import { compareDistance, type NodeId } from '../identity/node-id.ts';
import type { Messenger } from '../message/messenger.ts';
import type { SignedRecord } from '../record/signed-record.ts';
import type { DiscoveryLimits } from './limits.ts';
import type { Lookups } from './lookups.ts';
import type { NodeCaller } from './node-caller.ts';

export interface AnnouncerComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly messenger: Pick<Messenger, 'notify'>;
  readonly caller: NodeCaller;
  readonly lookups: Lookups;
  readonly localId: NodeId;
  /** Stores in the own table. */
  keep(content: NodeId, record: SignedRecord): void;
}

export interface Announced {
  /** Nodes that the record was sent to. */
  readonly asked: number;
  /** Of the nodes that were asked for it afterwards, those that had it. */
  readonly confirmed: number;
}

/** Tells the nodes nearest to a content who has it (05 §8). */
export class Announcer {
  readonly #c: AnnouncerComponents;
  readonly #limits: DiscoveryLimits;

  constructor(components: AnnouncerComponents, limits: DiscoveryLimits) {
    this.#c = components;
    this.#limits = limits;
  }

  /** Errors: REQUEST_REFUSED when too many lookups wait, the signal's reason. */
  async announce(
    content: NodeId,
    record: SignedRecord,
    { signal, verify }: AbortOptions & { readonly verify: boolean },
  ): Promise<Announced> {
    const { lookups, localId } = this.#c;
    const { closest } = await lookups.run(content, { signal });
    const farthest = closest.at(-1);
    const near =
      !farthest ||
      closest.length < this.#limits.lookupResultsMax ||
      compareDistance(content, localId, farthest.nodeId) < 0;
    // Whoever looks for it may well ask us. Others' records are not ours to announce.
    if (near && record.nodeId.equals(localId)) this.#c.keep(content, record);
    for (const node of closest) this.#send(node, content, record);
    const confirmed = verify && closest.length > 0 ? await this.#verify(closest, content, record, signal) : 0;
    return { asked: closest.length, confirmed };
  }

  /** Nobody acknowledges an announcement: some are asked, and if one lacks it all get it again. */
  async #verify(
    nodes: readonly SignedRecord[],
    content: NodeId,
    record: SignedRecord,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const { clock, random, caller } = this.#c;
    await clock.sleep(this.#limits.verifyAfterMs, { signal });
    const start = random.int(nodes.length);
    const count = Math.min(this.#limits.verifyNodes, nodes.length);
    const asked = Array.from({ length: count }, (_, i) => nodes[(start + i) % nodes.length]!);
    const answers = await Promise.all(
      asked.map((node) => caller.getProviders(node, content, { signal }).catch(() => undefined)),
    );
    signal?.throwIfAborted();
    const has = (records: readonly SignedRecord[]) => records.some(({ peerId }) => peerId === record.peerId);
    const lacks = answers.some((records) => records && !has(records));
    if (lacks) for (const node of nodes) this.#send(node, content, record);
    return answers.filter((records) => records && has(records)).length;
  }

  #send(node: SignedRecord, content: NodeId, record: SignedRecord): void {
    if (!node.udp) return;
    const contact = { id: node.nodeId, endpoint: node.udp, record: node };
    this.#c.messenger.notify(contact, { kind: 'addProvider', content, record });
  }
}
