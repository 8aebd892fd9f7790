import type { NodeId } from '../identity/node-id.ts';
import type { TableNode } from './table-node.ts';

/** A part of the id space: all ids that begin with the same `depth` bits. */
export class Bucket {
  readonly depth: number;
  /** The own id lies in it. */
  readonly local: boolean;
  /** Most recently heard of first. */
  readonly nodes: TableNode[] = [];
  /** Nodes for which there is no place, or that have not answered yet; the latest first. */
  readonly waiting: TableNode[] = [];

  constructor(depth: number, local: boolean) {
    this.depth = depth;
    this.local = local;
  }

  countOf(group: string): number {
    let count = 0;
    for (const node of this.nodes) if (node.group === group) count++;
    for (const node of this.waiting) if (node.group === group) count++;
    return count;
  }

  remove(node: TableNode): void {
    for (const list of [this.nodes, this.waiting]) {
      const at = list.indexOf(node);
      if (at >= 0) list.splice(at, 1);
    }
  }
}

/** Divides the ids by the bit at `depth`. */
export interface Branch {
  readonly depth: number;
  zero: Tree;
  one: Tree;
}

export type Tree = Bucket | Branch;

export function bitAt(id: NodeId, depth: number): boolean {
  return (((id.bytes[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1) === 1;
}

/** Two buckets of half the size, with what was in `bucket` in the same order. */
export function splitBucket(bucket: Bucket, local: NodeId): Branch {
  const { depth } = bucket;
  const localSide = bitAt(local, depth);
  const zero = new Bucket(depth + 1, bucket.local && !localSide);
  const one = new Bucket(depth + 1, bucket.local && localSide);
  for (const node of bucket.nodes) (bitAt(node.id, depth) ? one : zero).nodes.push(node);
  for (const node of bucket.waiting) (bitAt(node.id, depth) ? one : zero).waiting.push(node);
  return { depth, zero, one };
}

export function bucketsIn(tree: Tree): Bucket[] {
  return 'nodes' in tree ? [tree] : [...bucketsIn(tree.zero), ...bucketsIn(tree.one)];
}
