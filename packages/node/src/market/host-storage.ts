import {
  datasetRef,
  decodeManifest,
  formatCid,
  type LeafRange,
  type Manifest,
  type ManifestCid,
  type Repository,
} from '@codex/content';
import { toSolidityProof } from '@codex/groth16';
import type {
  ChainClock,
  DatasetFacts,
  HostedSlot,
  HostStorage,
  RecordStore,
  SlotTransfer,
  SolidityProof,
} from '@codex/market';
import { createHasher } from '@codex/poseidon2';
import { type AbortOptions, type Clock, KeyedMutex } from '@codex/runtime';
import { checkVerifiableManifest, slotLayout, slotLeaves } from '@codex/slots';
import type { ApiFetcher } from '../api/index.ts';
import type { ProtectedData } from '../protection/index.ts';
import type { StorageProofs } from '../proving/index.ts';
import { fetchManifest, hexOf, manifestCidIn } from './manifests.ts';

export interface HostStorageComponents {
  readonly repository: Repository;
  readonly fetcher: Pick<ApiFetcher, 'fetchBlock' | 'fetchDataset'>;
  readonly protection: Pick<ProtectedData, 'rebuild' | 'forgetRebuilt'>;
  readonly proofs: Pick<StorageProofs, 'buildOne' | 'proveRaw' | 'forget'>;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly chain: Pick<ChainClock, 'now'>;
  /** Bytes of a slot that were told to have been stored, over all processes. */
  readonly told: (slot: Pick<HostedSlot, 'requestId' | 'slotIndex'>) => number;
}

/** Blocks that are fetched between two entries in the books: 16 MiB, each entry being a write that is waited for. */
const BATCH_LEAVES = 256;
/** Manifests of which it is remembered that they came for a sale: far more than are looked at before one is taken. */
const DESCRIBED_MAX = 4096;
const KEPT = 'kept/';

/** What is kept for a slot. */
interface KeptSlot {
  readonly cid: string;
  /** The dataset is here for sales only: it goes with the last of them. */
  readonly brought: boolean;
}

/** A slot's leaves in its dataset. */
interface Placed {
  readonly cid: ManifestCid;
  readonly manifest: Manifest;
  readonly leaves: LeafRange;
}

/** Where a host's slots are: in the node's repository, which the exchange, other hosts' rows and the prover work on. */
export class NodeHostStorage implements HostStorage {
  readonly #c: HostStorageComponents;
  readonly #mutex = new KeyedMutex();
  readonly #described = new Set<string>();
  #hasher: ReturnType<typeof createHasher> | undefined;

  constructor(components: HostStorageComponents) {
    this.#c = components;
  }

  async describe(bytes: `0x${string}`, options: AbortOptions = {}): Promise<DatasetFacts> {
    const { fetcher, repository } = this.#c;
    const cid = manifestCidIn(bytes);
    if (!(await repository.hasBlock(cid))) this.#remember(formatCid(cid));
    const manifest = await fetchManifest(fetcher, cid, options);
    this.#hasher ??= createHasher();
    const layout = checkVerifiableManifest(this.#hasher, manifest);
    return {
      merkleRoot: hexOf(layout.verifyRoot),
      slots: layout.slots,
      slotSize: layout.slotBytes,
      tolerance: manifest.protection?.ecM ?? 0,
    };
  }

  async fetchSlot(slot: HostedSlot, transfer: SlotTransfer): Promise<void> {
    const { fetcher, repository } = this.#c;
    const { signal } = transfer;
    const placed = await this.#begin(slot, transfer);
    const { manifest, leaves } = placed;
    const dataset = await repository.openDataset(datasetRef(manifest));
    for (let done = 0; done < leaves.count; done += BATCH_LEAVES) {
      const count = Math.min(BATCH_LEAVES, leaves.count - done);
      // Before they come: what is reserved and what is used must both fit into the quota.
      await this.#tell(slot, (done + count) * manifest.blockSize, transfer);
      await fetcher.fetchDataset(dataset, { signal, ranges: [{ start: leaves.start + done, count }] });
    }
    await dataset.flush();
    await this.#check(slot, placed, transfer);
  }

  async repairSlot(slot: HostedSlot, transfer: SlotTransfer): Promise<void> {
    const placed = await this.#begin(slot, transfer);
    const { manifest, leaves } = placed;
    await this.#tell(slot, leaves.count * manifest.blockSize, transfer);
    await this.#c.protection.rebuild(manifest, slot.slotIndex, { signal: transfer.signal });
    await this.#check(slot, placed, transfer);
  }

  async prove(
    slot: HostedSlot,
    challenge: `0x${string}`,
    { deadline, signal }: AbortOptions & { readonly deadline: number },
  ): Promise<SolidityProof> {
    const { manifest } = await this.#place(slot, { signal });
    const question = { manifest, slotIndex: slot.slotIndex, challenge: Buffer.from(challenge.slice(2), 'hex') };
    const made = await this.#c.proofs.proveRaw(question, { signal, deadline: this.#localMs(deadline) });
    return toSolidityProof(made.proof);
  }

  async extend({ request }: HostedSlot, expiry: number): Promise<void> {
    await this.#c.repository.ensureExpiry(manifestCidIn(request.content.cid), this.#localMs(expiry));
  }

  async release({ slotId, slotIndex, request }: HostedSlot): Promise<void> {
    const { protection, proofs, records, repository } = this.#c;
    const kept = records.get(KEPT + slotId) as KeptSlot | undefined;
    // Nothing of it was ever fetched.
    if (!kept) return;
    const cid = manifestCidIn(request.content.cid);
    await this.#mutex.run(kept.cid, async () => {
      const bytes = await repository.getBlock(cid);
      if (bytes) {
        const manifest = decodeManifest(bytes);
        await protection.forgetRebuilt(manifest, slotIndex);
        const others = this.#keptOf(kept.cid).some((key) => key !== KEPT + slotId);
        if (kept.brought && !others) {
          await repository.delete(cid);
          proofs.forget(manifest);
        }
      }
      await records.write(new Map([[KEPT + slotId, undefined]]));
    });
  }

  /** Notes what is about to be kept, and until when. */
  async #begin(slot: HostedSlot, { expiry, signal }: SlotTransfer): Promise<Placed> {
    const { records, repository } = this.#c;
    const placed = await this.#place(slot, { signal });
    const cid = formatCid(placed.cid);
    const key = KEPT + slot.slotId;
    await this.#mutex.run(cid, async () => {
      if (records.get(key)) return;
      const brought =
        this.#described.has(cid) ||
        this.#keptOf(cid).some((other) => (records.get(other) as unknown as KeptSlot).brought);
      await records.write(new Map([[key, { cid, brought }]]));
    });
    await repository.ensureExpiry(placed.cid, this.#localMs(expiry));
    return placed;
  }

  async #place({ request, slotIndex }: HostedSlot, options: AbortOptions): Promise<Placed> {
    const cid = manifestCidIn(request.content.cid);
    const manifest = await fetchManifest(this.#c.fetcher, cid, options);
    const layout = slotLayout(manifest, manifest.protection?.verification?.cellSize);
    return { cid, manifest, leaves: slotLeaves(manifest, layout, slotIndex) };
  }

  /** Tells what was not told before: also not by a process that ended in the middle. */
  async #tell(slot: HostedSlot, bytes: number, { onStored }: SlotTransfer): Promise<void> {
    const more = bytes - this.#c.told(slot);
    if (more > 0) await onStored(more);
  }

  async #check({ slotIndex }: HostedSlot, { manifest }: Placed, { signal }: SlotTransfer): Promise<void> {
    await this.#c.proofs.buildOne({ manifest, slotIndex }, { signal });
  }

  #keptOf(cid: string): string[] {
    return this.#c.records
      .list(KEPT)
      .filter(([, record]) => (record as unknown as KeptSlot).cid === cid)
      .map(([key]) => key);
  }

  #remember(cid: string): void {
    this.#described.add(cid);
    if (this.#described.size <= DESCRIBED_MAX) return;
    for (const oldest of this.#described) {
      this.#described.delete(oldest);
      return;
    }
  }

  /** Seconds of the chain as milliseconds of this machine. */
  #localMs(seconds: number): number {
    const { chain, clock } = this.#c;
    return clock.now() + (seconds - chain.now()) * 1000;
  }
}
