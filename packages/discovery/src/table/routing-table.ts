import type { Endpoint } from '../datagram/datagram.ts';
import { compareDistance, logDistance, type NodeId } from '../identity/node-id.ts';
import type { SignedRecord } from '../record/signed-record.ts';
import type { GroupOf } from './address-group.ts';
import { type Branch, Bucket, bitAt, bucketsIn, splitBucket, type Tree } from './bucket.ts';
import { DISTANCE_MAX } from './distances.ts';
import { TableNode } from './table-node.ts';

export interface TableLimits {
  /** Nodes of a bucket, as in the reference (05 §6). */
  readonly bucketNodesMax: number;
  /** Nodes that wait for a place in a bucket, as in the reference. */
  readonly bucketWaitingMax: number;
  /** Far buckets are split down to this many bits at a time (05 §6): a hop of a lookup gains as many. */
  readonly bitsPerHop: number;
  /** Nodes with one public address in the whole table, waiting ones too: nobody fills it by himself. */
  readonly sameAddressTableMax: number;
  /** Nodes with one public address in one bucket that keep their places when others want them. */
  readonly sameAddressBucketMax: number;
  /** Failed requests in a row after which a node goes that another one can replace … */
  readonly failuresReplacedMax: number;
  /** … and after which it goes anyway. */
  readonly failuresMax: number;
}

/** A node this unreliable goes at its next failure (05 §6). */
const RELIABILITY_MIN = 0.5;

/**
 * The nodes that this one knows, by id: split buckets over the id space, narrow near the own id and wide far from it. Places
 * in buckets belong to nodes that answered us; nodes that others told of only wait beside them. Who is in stays in
 * while it answers, so that newcomers cannot push it out. Changes nothing by itself and knows no network.
 */
export class RoutingTable {
  readonly #local: NodeId;
  readonly #limits: TableLimits;
  readonly #groupOf: GroupOf;
  #root: Tree;
  readonly #nodes = new Map<string, TableNode>();
  readonly #groups = new Map<string, number>();
  #buckets: Bucket[];

  constructor(local: NodeId, init: { readonly limits: TableLimits; readonly groupOf: GroupOf }) {
    this.#local = local;
    this.#limits = init.limits;
    this.#groupOf = init.groupOf;
    const all = new Bucket(0, true);
    this.#root = all;
    this.#buckets = [all];
  }

  /** In no order of meaning, but always the same one for the same history. */
  get buckets(): readonly Bucket[] {
    return this.#buckets;
  }

  /** Nodes that hold a place. */
  get size(): number {
    return this.#buckets.reduce((sum, bucket) => sum + bucket.nodes.length, 0);
  }

  /** A node of a bucket, or one that waits. */
  get(id: NodeId): TableNode | undefined {
    return this.#nodes.get(id.hex);
  }

  /** All that hold a place. */
  *nodes(): Generator<TableNode> {
    for (const bucket of this.#buckets) yield* bucket.nodes;
  }

  bucketOf(id: NodeId): Bucket {
    let tree = this.#root;
    while (!(tree instanceof Bucket)) tree = bitAt(id, tree.depth) ? tree.one : tree.zero;
    return tree;
  }

  /**
   * The signer of `record` answered from `endpoint`. Returns its entry, or undefined when there is no place for it. An entry
   * at another endpoint stays as it is: a node is where its record says.
   */
  answered(record: SignedRecord, endpoint: Endpoint, nowMs: number): TableNode | undefined {
    this.update(record);
    const known = this.get(record.nodeId);
    const node = known ?? this.#enter(record, endpoint, false);
    if (!node || !sameEndpoint(node.endpoint, endpoint)) return undefined;
    node.answered(nowMs);
    this.#place(node);
    return node;
  }

  /** Somebody told of `record`: it waits until it answers, if there is room to wait. */
  suggest(record: SignedRecord, endpoint: Endpoint): TableNode | undefined {
    const known = this.get(record.nodeId);
    if (known) {
      this.update(record);
      return known;
    }
    const bucket = this.bucketOf(record.nodeId);
    if (bucket.waiting.length >= this.#limits.bucketWaitingMax) return undefined;
    const node = this.#enter(record, endpoint, false);
    if (node) bucket.waiting.push(node);
    return node;
  }

  /** A bootstrap node: it stays, answering or not. */
  pin(record: SignedRecord, endpoint: Endpoint): TableNode | undefined {
    const node = this.get(record.nodeId) ?? this.#enter(record, endpoint, true);
    if (!node) return undefined;
    node.pinned = true;
    this.#place(node);
    return node;
  }

  /** Takes a newer record of a known node. At a new endpoint it has yet to answer. */
  update(record: SignedRecord): void {
    const node = this.get(record.nodeId);
    if (!node || record.seq <= node.record.seq || !record.udp) return;
    if (!sameEndpoint(record.udp, node.endpoint)) {
      const group = this.#groupOf(record.udp.ip);
      if (group !== node.group) {
        if (group !== undefined && !node.pinned && !this.#hasRoom(group, this.bucketOf(node.id))) return;
        this.#count(node.group, -1);
        this.#count(group, 1);
        node.group = group;
      }
      node.endpoint = record.udp;
      node.confirmed = false;
      node.failures = 0;
    }
    node.record = record;
  }

  /** A request to the node failed. `mayDrop` is false while nobody at all answers: then the fault is probably here. */
  failed(id: NodeId, nowMs: number, mayDrop = true): void {
    const node = this.get(id);
    if (!node) return;
    node.failed(nowMs);
    if (node.pinned || !mayDrop) return;
    const bucket = this.bucketOf(id);
    const held = bucket.nodes.includes(node);
    const replaceable = !held || bucket.waiting.some((other) => other.confirmed);
    const limit = !node.confirmed ? 1 : replaceable ? this.#limits.failuresReplacedMax : this.#limits.failuresMax;
    if (node.failures >= limit || (node.confirmed && node.reliability < RELIABILITY_MIN)) this.drop(id);
  }

  /** Bootstrap nodes stay. */
  drop(id: NodeId): void {
    const node = this.get(id);
    if (!node || node.pinned) return;
    const bucket = this.bucketOf(id);
    bucket.remove(node);
    this.#forget(node);
    this.#promote(bucket);
  }

  /** The nodes that hold a place and pass `accept`, the nearest to `target` first. */
  closest(target: NodeId, count: number, accept: (node: TableNode) => boolean = () => true): TableNode[] {
    const found: TableNode[] = [];
    const visit = (tree: Tree): void => {
      if (found.length >= count) return;
      if (tree instanceof Bucket) {
        const nodes = tree.nodes.filter(accept).sort((a, b) => compareDistance(target, a.id, b.id));
        found.push(...nodes.slice(0, count - found.length));
      } else {
        // Everything on the target's side is nearer than anything on the other.
        const one = bitAt(target, tree.depth);
        visit(one ? tree.one : tree.zero);
        visit(one ? tree.zero : tree.one);
      }
    };
    visit(this.#root);
    return found;
  }

  /** Served nodes whose log-distance to the own id is one of `distances`, for the first distance first. */
  atDistances(distances: readonly number[], count: number): TableNode[] {
    const found = new Set<TableNode>();
    for (const distance of distances) {
      if (distance < 1 || distance > DISTANCE_MAX) continue;
      const lists = bucketsIn(this.#subtree(distance)).map((bucket) =>
        bucket.nodes.filter((node) => node.served && logDistance(node.id, this.#local) === distance),
      );
      // One of each bucket in turn: the first sixteen of a wide distance would all lie in one corner of it.
      for (let i = 0; found.size < count && i < this.#limits.bucketNodesMax; i++) {
        for (const list of lists) if (list[i] && found.size < count) found.add(list[i]!);
      }
    }
    return [...found];
  }

  /** The part of the tree that has all nodes at a log-distance, and maybe others. */
  #subtree(distance: number): Tree {
    let tree = this.#root;
    while (!(tree instanceof Bucket)) {
      const last = tree.depth === DISTANCE_MAX - distance;
      const one = bitAt(this.#local, tree.depth) !== last;
      tree = one ? tree.one : tree.zero;
      if (last) break;
    }
    return tree;
  }

  /** Makes an entry and counts it; it stands nowhere yet. */
  #enter(record: SignedRecord, endpoint: Endpoint, pinned: boolean): TableNode | undefined {
    const id = record.nodeId;
    if (id.equals(this.#local)) return undefined;
    const group = this.#groupOf(endpoint.ip);
    if (group !== undefined && !pinned && !this.#hasRoom(group, this.bucketOf(id))) return undefined;
    const node = new TableNode(record, endpoint, group, pinned);
    this.#nodes.set(id.hex, node);
    this.#count(group, 1);
    return node;
  }

  /** Puts an entry in front of its bucket, or among those that wait. */
  #place(node: TableNode): void {
    for (;;) {
      const bucket = this.bucketOf(node.id);
      bucket.remove(node);
      if (bucket.nodes.length < this.#limits.bucketNodesMax) {
        bucket.nodes.unshift(node);
        return;
      }
      if (bucket.local || bucket.depth % this.#limits.bitsPerHop !== 0) {
        this.#split(bucket);
        continue;
      }
      const leaving = bucket.nodes.findLast((other) => !other.pinned && this.#givesWay(other, bucket, node));
      if (leaving) {
        bucket.remove(leaving);
        this.#forget(leaving);
        continue;
      }
      bucket.waiting.unshift(node);
      if (bucket.waiting.length > this.#limits.bucketWaitingMax) {
        const last = bucket.waiting.findLast((other) => !other.confirmed && !other.pinned) ?? bucket.waiting.at(-1)!;
        bucket.remove(last);
        this.#forget(last);
      }
      return;
    }
  }

  #promote(bucket: Bucket): void {
    const next = bucket.waiting.find((node) => node.confirmed);
    if (!next || bucket.nodes.length >= this.#limits.bucketNodesMax) return;
    bucket.remove(next);
    // Not in front: it is not the one heard of last.
    bucket.nodes.push(next);
  }

  #split(bucket: Bucket): void {
    const halves = splitBucket(bucket, this.#local);
    if (this.#root === bucket) {
      this.#root = halves;
    } else {
      const inside = bucket.nodes[0]!.id;
      let parent = this.#root as Branch;
      while (parent.zero !== bucket && parent.one !== bucket) {
        parent = (bitAt(inside, parent.depth) ? parent.one : parent.zero) as Branch;
      }
      if (parent.zero === bucket) parent.zero = halves;
      else parent.one = halves;
    }
    this.#buckets = bucketsIn(this.#root);
    // Each half has room now for some that waited.
    for (const half of bucketsIn(halves)) {
      for (let free = this.#limits.bucketNodesMax - half.nodes.length; free > 0; free--) this.#promote(half);
    }
  }

  /** Where there are free places anybody may have them: a whole network can stand behind one address. */
  #hasRoom(group: string, bucket: Bucket): boolean {
    if ((this.#groups.get(group) ?? 0) >= this.#limits.sameAddressTableMax) return false;
    return (
      bucket.nodes.length < this.#limits.bucketNodesMax || bucket.countOf(group) < this.#limits.sameAddressBucketMax
    );
  }

  /** A node that fails, or one of too many at its address when somebody at another one wants the place. */
  #givesWay(node: TableNode, bucket: Bucket, to: TableNode): boolean {
    if (!node.served) return true;
    const { group } = node;
    return group !== undefined && group !== to.group && bucket.countOf(group) > this.#limits.sameAddressBucketMax;
  }

  #forget(node: TableNode): void {
    this.#nodes.delete(node.id.hex);
    this.#count(node.group, -1);
  }

  #count(group: string | undefined, by: number): void {
    if (group === undefined) return;
    const count = (this.#groups.get(group) ?? 0) + by;
    if (count > 0) this.#groups.set(group, count);
    else this.#groups.delete(group);
  }
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.ip === b.ip;
}
