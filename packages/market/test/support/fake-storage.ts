import { slotIdOf } from '@codex/contracts';
import type { Clock } from '@codex/runtime';
import type { Hex, SlotId, StorageRequest } from '../../src/chain/marketplace.ts';
import type { DatasetFacts, HostedSlot, HostStorage, SlotTransfer } from '../../src/index.ts';
import { fakeProof } from './fake-chain.ts';
import type { MemoryQuota } from './memory-quota.ts';

/** So long a fetch waits for somebody who has what it wants. */
const PATIENCE_MS = 30_000;

/** What hosts can get from each other: which of them has which slot. */
export class FakeNetwork {
  readonly holders = new Map<SlotId, Set<FakeStorage>>();
  readonly facts = new Map<string, DatasetFacts>();
  /** While true the client has all slots. */
  clientIsThere = true;

  /** The manifest of a request, as it should be. */
  publish({ ask, content }: Pick<StorageRequest, 'ask' | 'content'>, wrong: Partial<DatasetFacts> = {}): void {
    this.facts.set(content.cid, {
      merkleRoot: content.merkleRoot,
      slots: Number(ask.slots),
      slotSize: Number(ask.slotSize),
      tolerance: Number(ask.maxSlotLoss),
      ...wrong,
    });
  }

  has(slotId: SlotId): boolean {
    return this.clientIsThere || this.holdersOf(slotId).size > 0;
  }

  holdersOf(slotId: SlotId): Set<FakeStorage> {
    let holders = this.holders.get(slotId);
    if (!holders) {
      holders = new Set();
      this.holders.set(slotId, holders);
    }
    return holders;
  }
}

/** A host's disk, prover and connections; they outlive its process. */
export class FakeStorage implements HostStorage {
  readonly #network: FakeNetwork;
  readonly #clock: Clock;
  readonly #quota: MemoryQuota;
  readonly #heldBytes = new Map<SlotId, number>();
  /** Seconds. */
  fetchTime = 10;
  proveTime = 3;
  proveFails = false;
  /** Which process of the host is using it. */
  process = 0;
  fetches = 0;
  /** Slots that were rebuilt. */
  repairs = 0;
  proofs = 0;
  readonly extended = new Map<SlotId, number>();

  constructor(network: FakeNetwork, clock: Clock, quota: MemoryQuota) {
    this.#network = network;
    this.#clock = clock;
    this.#quota = quota;
  }

  get slots(): number {
    return this.#heldBytes.size;
  }

  async describe(cid: Hex): Promise<DatasetFacts> {
    const facts = this.#network.facts.get(cid);
    if (!facts) throw new Error('nobody has the manifest');
    return facts;
  }

  async fetchSlot(slot: HostedSlot, transfer: SlotTransfer): Promise<void> {
    this.fetches++;
    const deadlineMs = this.#clock.now() + PATIENCE_MS;
    while (!this.#network.has(slot.slotId)) {
      if (this.#clock.now() >= deadlineMs) throw new Error('nobody has the slot');
      await this.#clock.sleep(1000, transfer);
    }
    await this.#get(slot, transfer);
  }

  async repairSlot(slot: HostedSlot, transfer: SlotTransfer): Promise<void> {
    const { requestId, request, slotId } = slot;
    if (!this.#network.has(slotId)) {
      const { slots, maxSlotLoss } = request.ask;
      const others = Array.from({ length: Number(slots) }, (_, i) => slotIdOf(requestId, BigInt(i)));
      if (others.filter((other) => this.#network.has(other)).length < Number(slots - maxSlotLoss)) {
        throw new Error('too many slots are lost');
      }
      this.repairs++;
    }
    await this.#get(slot, transfer);
  }

  /** In four batches; the last eighth is padding and never stored. */
  async #get({ slotId, request }: HostedSlot, { signal, onStored }: SlotTransfer): Promise<void> {
    const size = Number(request.ask.slotSize);
    const whole = size - Math.floor(size / 8);
    const { process } = this;
    for (let part = 1; part <= 4; part++) {
      await this.#clock.sleep((this.fetchTime * 1000) / 4, { signal });
      // What a dead process was fetching arrives nowhere.
      if (process !== this.process) return new Promise(() => {});
      const due = Math.floor((whole * part) / 4);
      const held = this.#heldBytes.get(slotId) ?? 0;
      if (due <= held) continue;
      this.#heldBytes.set(slotId, due);
      this.#quota.usedBytes += due - held;
      await onStored(due - held);
    }
    this.#network.holdersOf(slotId).add(this);
  }

  async prove({ slotId }: HostedSlot, challenge: Hex, { signal }: { signal?: AbortSignal | undefined }) {
    await this.#clock.sleep(this.proveTime * 1000, { signal });
    if (this.proveFails || !this.#network.holdersOf(slotId).has(this)) throw new Error('cannot prove');
    this.proofs++;
    return fakeProof(challenge);
  }

  async extend({ slotId }: HostedSlot, expiry: number): Promise<void> {
    this.extended.set(slotId, expiry);
  }

  async release({ slotId }: HostedSlot): Promise<void> {
    this.#quota.usedBytes -= this.#heldBytes.get(slotId) ?? 0;
    this.#heldBytes.delete(slotId);
    this.#network.holdersOf(slotId).delete(this);
  }
}
