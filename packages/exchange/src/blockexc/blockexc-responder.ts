import {
  blockCid,
  type Cid,
  cidKey,
  type Dataset,
  DIGEST_BYTES,
  decodeCid,
  encodeProof,
  inclusionProof,
  type LeafBatch,
  type LeafRange,
  type TreeCid,
} from '@codex/content';
import { isCodexError } from '@codex/runtime';
import type { EngineParts, Responder } from '../engine/responder.ts';
import {
  addressKey,
  type BlockAddress,
  type BlockDelivery,
  type BlockPresence,
  latin1,
  type Message,
  PRESENCE,
  WANT,
  type WantEntry,
} from '../message/message.ts';

/** Deliveries of one message, as the reference sends them (04 §5). */
const DELIVERIES_MAX = 20;
/** Bytes of one message of deliveries: large blocks come in smaller groups. */
const DELIVERY_BYTES_MAX = 2 * 1024 * 1024;
/** Presences of one message (04 §5). */
const PRESENCES_MAX = 1024;
/** What is known of a long want-list after this time is told. */
const SLICE_MS = 10;
/** Always the full 32 bytes, though an empty price is legal (04 §11). */
const PRICE_ZERO = new Uint8Array(32);
const NO_BYTES = new Uint8Array(0);

interface WantedTree {
  readonly cid: TreeCid;
  readonly unwatch: () => void;
  /** Wanted leaves, with their address as the peer wrote it. */
  readonly leaves: Map<number, BlockAddress>;
}

/**
 * Answers the want-lists of one peer by the table of 04 §5. A want for a block that is not here stays: the block is sent
 * when it is stored.
 */
export class BlockexcResponder implements Responder {
  readonly #parts: EngineParts;
  readonly #send: (parts: Partial<Message>) => Promise<void>;
  /** Everything that the peer wants, by address. */
  readonly #wanted = new Map<string, BlockAddress>();
  readonly #trees = new Map<string, WantedTree>();
  readonly #blocks = new Map<string, { cid: Cid; address: BlockAddress }>();
  /** To be tried now. */
  readonly #ready = new Map<string, BlockAddress>();
  #working = false;
  #closed = false;

  constructor(parts: EngineParts, init: { peer: string; send: (parts: Partial<Message>) => Promise<void> }) {
    this.#parts = parts;
    this.#send = init.send;
  }

  /** Works through the entries of a want-list, in order. Error: `CID_INVALID`. */
  async wants(entries: readonly WantEntry[]): Promise<void> {
    const { metrics, clock } = this.#parts;
    const datasets = new Map<string, Dataset | undefined>();
    let presences: BlockPresence[] = [];
    let sliceAt = clock.monotonic() + SLICE_MS;
    for (const { address, cancel, wantType, sendDontHave } of entries) {
      (wantType === WANT.have ? metrics.wantHaveListsReceived : metrics.wantBlockListsReceived).inc();
      const key = addressKey(address);
      if (this.#wanted.has(key)) {
        if (cancel) this.#remove(key);
        else if (wantType === WANT.block) this.#ready.set(key, address);
        continue;
      }
      if (cancel) continue;
      if (wantType === WANT.block) {
        this.#add(key, address);
        continue;
      }
      const have = await this.#isLocal(address, datasets);
      if (have || sendDontHave)
        presences.push({ address, type: have ? PRESENCE.have : PRESENCE.dontHave, price: PRICE_ZERO });
      if (presences.length >= PRESENCES_MAX || (clock.monotonic() >= sliceAt && presences.length > 0)) {
        await this.#send({ presences });
        presences = [];
        await clock.sleep(0);
        sliceAt = clock.monotonic() + SLICE_MS;
      }
    }
    if (presences.length > 0) await this.#send({ presences });
    this.#work();
  }

  blockStored(key: string): void {
    const block = this.#blocks.get(key);
    if (!block) return;
    this.#ready.set(addressKey(block.address), block.address);
    this.#work();
  }

  async rescan(): Promise<void> {
    for (const { cid, address } of [...this.#blocks.values()]) {
      if (await this.#parts.repository.hasBlock(cid).catch(() => false)) this.#ready.set(addressKey(address), address);
    }
    this.#work();
  }

  close(): void {
    this.#closed = true;
    for (const tree of this.#trees.values()) tree.unwatch();
    this.#trees.clear();
    this.#blocks.clear();
    this.#wanted.clear();
    this.#ready.clear();
  }

  #add(key: string, address: BlockAddress): void {
    // What is over the limit is forgotten: an honest peer never wants so much at once.
    if (this.#closed || this.#wanted.size >= this.#parts.limits.wantedBlocksMax) return;
    if (address.leaf) {
      const treeKey = latin1(address.treeCid);
      let tree = this.#trees.get(treeKey);
      if (!tree) {
        const cid = decodeCid(address.treeCid) as TreeCid;
        const unwatch = this.#parts.watches.watch(address.treeCid, (_, range) => this.#held(treeKey, range));
        tree = { cid, unwatch, leaves: new Map() };
        this.#trees.set(treeKey, tree);
      }
      tree.leaves.set(address.index, address);
    } else {
      const cid = decodeCid(address.cid);
      this.#blocks.set(cidKey(cid), { cid, address });
    }
    this.#wanted.set(key, address);
    this.#ready.set(key, address);
  }

  #remove(key: string): void {
    const address = this.#wanted.get(key);
    this.#wanted.delete(key);
    this.#ready.delete(key);
    if (!address) return;
    if (!address.leaf) {
      this.#blocks.delete(cidKey(decodeCid(address.cid)));
      return;
    }
    const treeKey = latin1(address.treeCid);
    const tree = this.#trees.get(treeKey);
    tree?.leaves.delete(address.index);
    if (tree?.leaves.size === 0) {
      tree.unwatch();
      this.#trees.delete(treeKey);
    }
  }

  /** Leaves of a wanted tree became readable; without range: look at all. */
  #held(treeKey: string, range: LeafRange | undefined): void {
    const leaves = this.#trees.get(treeKey)?.leaves;
    if (!leaves) return;
    if (range && range.count < leaves.size) {
      for (let index = range.start; index < range.start + range.count; index++) {
        const address = leaves.get(index);
        if (address) this.#ready.set(addressKey(address), address);
      }
    } else {
      for (const [index, address] of leaves) {
        if (!range || (index >= range.start && index < range.start + range.count)) {
          this.#ready.set(addressKey(address), address);
        }
      }
    }
    this.#work();
  }

  async #isLocal(address: BlockAddress, datasets: Map<string, Dataset | undefined>): Promise<boolean> {
    if (!address.leaf) return this.#parts.repository.hasBlock(decodeCid(address.cid));
    const key = latin1(address.treeCid);
    if (!datasets.has(key)) datasets.set(key, await this.#find(decodeCid(address.treeCid) as TreeCid));
    const dataset = datasets.get(key);
    return dataset !== undefined && address.index < dataset.ref.leafCount && dataset.has(address.index);
  }

  #find(cid: TreeCid): Promise<Dataset | undefined> {
    return this.#parts.repository.findDataset(cid);
  }

  #work(): void {
    if (this.#working || this.#closed || this.#ready.size === 0) return;
    this.#working = true;
    this.#serve()
      .catch((error) => this.#parts.logger.debug('Cannot deliver blocks', { error }))
      .finally(() => {
        this.#working = false;
        this.#work();
      });
  }

  /** One group of deliveries after the other, each when the one before it has left. */
  async #serve(): Promise<void> {
    while (this.#ready.size > 0 && !this.#closed) {
      const group: [string, BlockAddress][] = [];
      for (const entry of this.#ready) if (group.push(entry) === DELIVERIES_MAX) break;
      for (const [key] of group) this.#ready.delete(key);
      const deliveries = await this.#load(group.map(([, address]) => address));
      for (const part of byBytes(deliveries)) {
        for (const { address } of part) this.#remove(addressKey(address));
        await this.#send({ payload: part });
        this.#parts.metrics.blocksSent.inc(part.length);
        this.#parts.metrics.bytesSent.inc(part.reduce((sum, { data }) => sum + data.length, 0));
      }
    }
  }

  /** The deliveries for those addresses whose blocks are here. */
  async #load(addresses: readonly BlockAddress[]): Promise<BlockDelivery[]> {
    const deliveries: BlockDelivery[] = [];
    const trees = new Map<string, Extract<BlockAddress, { leaf: true }>[]>();
    for (const address of addresses) {
      if (address.leaf) {
        const key = latin1(address.treeCid);
        trees.set(key, [...(trees.get(key) ?? []), address]);
        continue;
      }
      const data = await this.#parts.repository.getBlock(decodeCid(address.cid));
      if (data) deliveries.push({ cid: address.cid, data, address, proof: NO_BYTES });
    }
    for (const leaves of trees.values()) {
      const dataset = await this.#find(decodeCid(leaves[0]!.treeCid) as TreeCid);
      if (!dataset) continue;
      const held = leaves.filter(({ index }) => index < dataset.ref.leafCount && dataset.has(index));
      for (const run of runsOf(held)) deliveries.push(...(await this.#loadRun(dataset, run)));
    }
    return deliveries;
  }

  async #loadRun(dataset: Dataset, run: readonly BlockAddress[]): Promise<BlockDelivery[]> {
    const first = run[0]!;
    if (!first.leaf) return [];
    const deliveries: BlockDelivery[] = [];
    const batches: LeafBatch[] = [];
    try {
      for await (const batch of dataset.read({ start: first.index, count: run.length })) {
        batches.push(batch);
        for (const [i, block] of batch.blocks.entries()) {
          const index = batch.start + i;
          const proof = encodeProof(inclusionProof(await dataset.prove({ start: index, count: 1 })));
          const digest = batch.digests.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES);
          // The memory of the batch goes back to its pool before the message is written.
          deliveries.push({
            cid: blockCid(digest).bytes,
            data: block.slice(),
            address: run[index - first.index]!,
            proof,
          });
        }
      }
    } catch (error) {
      // A block was lost meanwhile: those before it are delivered, the rest stays wanted.
      if (!isCodexError(error, 'BLOCK_NOT_FOUND')) throw error;
    } finally {
      for (const batch of batches) batch.release();
    }
    return deliveries;
  }
}

/** Addresses of consecutive leaves together. */
function runsOf(leaves: readonly Extract<BlockAddress, { leaf: true }>[]): BlockAddress[][] {
  const runs: BlockAddress[][] = [];
  let last = -2;
  for (const address of leaves.toSorted((a, b) => a.index - b.index)) {
    if (address.index === last + 1) runs.at(-1)!.push(address);
    else runs.push([address]);
    last = address.index;
  }
  return runs;
}

function* byBytes(deliveries: readonly BlockDelivery[]): Generator<BlockDelivery[]> {
  let part: BlockDelivery[] = [];
  let bytes = 0;
  for (const delivery of deliveries) {
    if (part.length > 0 && bytes + delivery.data.length > DELIVERY_BYTES_MAX) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(delivery);
    bytes += delivery.data.length;
  }
  if (part.length > 0) yield part;
}
