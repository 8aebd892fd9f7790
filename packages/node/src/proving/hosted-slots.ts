import { readdir } from 'node:fs/promises';
import type { Compute } from '@codex/compute';
import { formatCid, type Manifest, type ManifestCid, type Repository } from '@codex/content';
import type { AbortOptions, Cancel, Clock, Logger, Startable } from '@codex/runtime';
import type { BuiltSlots, SlotTreeStore } from '@codex/slots';
import { SharedWork, type WorkOptions } from '../shared-work.ts';
import type { InputOptions, PreparedInput, SlotInputs, SlotQuestion } from './types.ts';

export interface HostedSlotsComponents {
  readonly repository: Repository;
  readonly compute: Compute;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface HostedSlotsInit {
  /** Where slot trees are kept. */
  readonly directory: string;
}

/** How far building slots is, in bytes of the protected dataset. */
export interface SlotsProgress {
  readonly phase: 'slots';
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** One at a time uses all cores and the disk; those that wait are a few bytes each. */
const BUILDS_RUNNING = 1;
const BUILDS_WAITING = 64;
/** Datasets also end without a request, when their time is over. */
const SWEEP_INTERVAL_MS = 60 * 60 * 1000;
/** Trees that no dataset has may be of one that was not cut up to its end: asked for again, it goes on with them. */
const ORPHANED_MS = 60 * 60 * 1000;

/** The slot trees of this node: built when they are needed, deleted with the last dataset that has such a slot. */
export class HostedSlots implements SlotInputs, Startable {
  readonly #c: HostedSlotsComponents;
  readonly #directory: string;
  readonly #builds = new SharedWork<SlotsProgress>({ running: BUILDS_RUNNING, waiting: BUILDS_WAITING });
  readonly #stop = new AbortController();
  #loading: ReturnType<typeof load> | undefined;
  /** Those who make or read trees, whose datasets need not be stored yet. */
  #users = 0;
  /** Roots of datasets that were deleted. */
  readonly #dropped = new Set<string>();
  /** Roots that no dataset here has, and since when that is known. */
  readonly #orphans = new Map<string, number>();
  #sweeping: Promise<void> | undefined;
  #sweepWanted = false;
  #cancelSweep: Cancel = () => {};

  constructor(components: HostedSlotsComponents, init: HostedSlotsInit) {
    this.#c = components;
    this.#directory = init.directory;
  }

  start(): void {
    this.#sweepLater();
    this.#cancelSweep = this.#c.clock.schedule(SWEEP_INTERVAL_MS, () => {
      if (!this.#stop.signal.aborted) this.start();
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelSweep();
    await this.#sweeping;
  }

  /**
   * Builds all slots of a protected dataset that is complete here, and stores its verifiable manifest. Done once for all who ask
   * for the same. Errors: those of `buildSlots`, `CODING_LIMIT`.
   */
  build(
    dataset: { readonly cid: ManifestCid; readonly manifest: Manifest },
    options: WorkOptions<SlotsProgress>,
  ): Promise<BuiltSlots> {
    const { cid, manifest } = dataset;
    return this.#builds.join(
      formatCid(cid),
      (work) =>
        this.#use(async () => {
          const { slots, components } = await this.#load();
          return slots.buildSlots(components, { manifest }, work);
        }),
      options,
    );
  }

  /** Builds the tree of one slot that is here, and checks its root. Errors: those of `buildSlot`. */
  buildOne(slot: Pick<SlotQuestion, 'manifest' | 'slotIndex'>, options: AbortOptions): Promise<void> {
    return this.#use(async () => {
      const { slots, components } = await this.#load();
      await slots.buildSlot(components, slot, options);
    });
  }

  /** What a proof is made of. The tree of the slot is built first if need be. Errors: those of `proofInput`. */
  input(question: SlotQuestion, options: InputOptions): Promise<PreparedInput> {
    return this.#use(async () => {
      const { slots, components } = await this.#load();
      const cid = question.manifest.protection?.verification?.slotRoots[question.slotIndex];
      if (cid && !(await components.trees.has(rootIn(cid)))) options.onBuild?.();
      const input = await slots.proofInput(components, question, options);
      return { json: { ...slots.proofInputJson(input) }, publicSignals: slots.publicSignals(input) };
    });
  }

  /** A dataset was deleted: soon its trees are, too, unless another dataset here has such slots. */
  forget(manifest: Manifest): void {
    for (const cid of manifest.protection?.verification?.slotRoots ?? []) this.#dropped.add(keyOf(rootIn(cid)));
    if (this.#dropped.size > 0) this.#sweepLater();
  }

  /** As soon as nobody uses any tree. */
  #sweepLater(): void {
    if (this.#users > 0 || this.#sweeping) {
      this.#sweepWanted = true;
      return;
    }
    this.#sweepWanted = false;
    this.#sweeping = this.#sweep()
      .catch((error: unknown) => this.#c.logger.warn('Slot trees could not be cleaned up', { error }))
      .finally(() => {
        this.#sweeping = undefined;
        this.#sweepIfWanted();
      });
  }

  #sweepIfWanted(): void {
    if (this.#sweepWanted && this.#users === 0 && !this.#stop.signal.aborted) this.#sweepLater();
  }

  async #use<T>(work: () => Promise<T>): Promise<T> {
    while (this.#sweeping) await this.#sweeping;
    this.#users++;
    try {
      return await work();
    } finally {
      this.#users--;
      this.#sweepIfWanted();
    }
  }

  /** Deletes trees of datasets that are not here (any more). */
  async #sweep(): Promise<void> {
    const dropped = new Set(this.#dropped);
    this.#dropped.clear();
    // Nodes that never hosted anything need not load what it takes.
    const names = await readdir(this.#directory).catch(() => []);
    if (names.length === 0) return;
    const { components } = await this.#load();
    const needed = new Set<string>();
    for await (const { manifest } of this.#c.repository.manifests()) {
      if (this.#stop.signal.aborted) return;
      for (const cid of manifest.protection?.verification?.slotRoots ?? []) needed.add(keyOf(rootIn(cid)));
    }
    const left = new Set<string>();
    const now = this.#c.clock.monotonic();
    for (const root of await components.trees.list()) {
      const key = keyOf(root);
      if (needed.has(key)) continue;
      const since = this.#orphans.get(key) ?? now;
      if (dropped.has(key) || now - since >= ORPHANED_MS) {
        await components.trees.delete(root);
      } else {
        left.add(key);
        this.#orphans.set(key, since);
      }
    }
    for (const key of this.#orphans.keys()) if (!left.has(key)) this.#orphans.delete(key);
  }

  #load(): ReturnType<typeof load> {
    this.#loading ??= load(this.#c, this.#directory);
    return this.#loading;
  }
}

const ROOT_BYTES = 32;
/** The root in its own binary CID (11 §3.1); manifests are checked when they are decoded. */
const rootIn = (cid: Uint8Array) => cid.subarray(-ROOT_BYTES);
const keyOf = (root: Uint8Array) => Buffer.from(root).toString('hex');

/** Loaded when it is first needed: most nodes start without. */
async function load({ repository, compute, logger }: HostedSlotsComponents, directory: string) {
  const slots = await import('@codex/slots');
  const trees: SlotTreeStore = new slots.DiskSlotTrees({ logger }, { directory });
  return { slots, components: { repository, compute, trees, logger } };
}
