import type { Dataset, LeafRange, TreeCid } from '@codex/content';
import type { FetchLeaves, Geometry } from '@codex/erasure';
import type { LeafOffers } from '@codex/exchange';
import { type Cancel, type Clock, CodexError, isCodexError } from '@codex/runtime';
import type { DatasetFetcher } from '../reader/index.ts';

/** What is needed of the exchange. */
export interface SupplyFetcher extends DatasetFetcher {
  /** What peers say of a tree that is being fetched; undefined while nobody has any of it. */
  offers?(treeCid: TreeCid): LeafOffers | undefined;
}

/** How often a fetch is looked at. */
const LOOK_MS = 100;
/** A leaf that nobody offers for so long is lost … */
const LOST_MS = 1_000;
/** … but one of the parity that would have to replace it is waited for: finding and dialling others takes seconds. */
const NEEDED_PARITY_MS = 5_000;
/** In a row that has been losing leaves: a round trip, in which a peer says what it has. */
const LOSSY_ROW_MS = 200;
/** How long a row counts as one that loses leaves. */
const LOSSY_ROW_MEMORY_MS = 60_000;
/**
 * Peers of 1.0.0 do not say what they lack: whoever offered something so recently is still there, also when nothing but lost
 * leaves is asked for.
 */
const HEARD_MEMORY_MS = 10_000;
/** After a fetch that came to its deadline, nobody is asked for so long: asking for parity would take as long again. */
const NOBODY_MS = 2_000;
/** Looks at one leaf of one row between two turns of the event loop. */
const LOOKS_PER_TURN = 16_384;
/** Leaves of a fetch from which on it is remembered, a byte per column, which columns can be restored. */
const MEMO_LEAVES = 4096;
/** Without it beyond so many: a foreign manifest may promise any number, and 4 MiB are enough for 256 GiB in one row. */
const MEMO_COLUMNS_MAX = 4 * 1024 * 1024;
/** Between two tries to run ahead of a reader. */
const AHEAD_RETRY_MS = 10_000;

const NOTHING: LeafOffers = { has: () => false, isAll: false };

const WANTED = 1;
const RESTORABLE = 2;

interface Ahead {
  readonly range: LeafRange;
  readonly signal: AbortSignal;
  running: boolean;
  triedAt: number;
}

/**
 * The leaves of one protected dataset, from peers. A fetch of the exchange waits until its deadline for what nobody has;
 * here a leaf that no peer offers is given up soon, because its column can be restored from other rows.
 */
export class LeafSupply implements DatasetFetcher {
  readonly #fetcher: SupplyFetcher;
  readonly #clock: Clock;
  readonly #dataset: Dataset;
  readonly #geometry: Geometry;
  /** Monotonic ms at which a row last lost something: as many as rows. */
  readonly #lossyRows = new Map<number, number>();
  readonly #aheads = new Set<Ahead>();
  /** When somebody offered anything of the dataset. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #nobodyAt = Number.NEGATIVE_INFINITY;
  /** The leaf that a reader waits for, and the look at its fetch. */
  #awaited: number | undefined;
  #lookAtReader = () => {};

  constructor(
    components: { readonly fetcher: SupplyFetcher; readonly clock: Clock },
    init: { readonly dataset: Dataset; readonly geometry: Geometry },
  ) {
    this.#fetcher = components.fetcher;
    this.#clock = components.clock;
    this.#dataset = init.dataset;
    this.#geometry = init.geometry;
  }

  /** For restoring: brings what can be had of the ranges, and asks for nothing that can be restored from what is here. */
  readonly fetch: FetchLeaves = async (ranges, { signal }) => {
    const wanted = await this.#worthAsking(ranges, this.#lostForSure(), signal);
    const [first] = wanted;
    if (!first || this.#clock.monotonic() - this.#nobodyAt < NOBODY_MS) return;
    this.#runAhead();
    this.#fetcher.focus?.(this.#dataset.ref.treeCid, first.start);
    await this.#fetchUntil(wanted, this.#hopeless(wanted), signal);
  };

  /** For a reader: fails with `BLOCK_NOT_FOUND` as soon as the leaf that it waits for is lost or can be restored. */
  async fetchDataset(
    dataset: Dataset,
    { ranges = [], signal }: { readonly signal?: AbortSignal | undefined; readonly ranges?: readonly LeafRange[] } = {},
  ): Promise<void> {
    let since: number | undefined;
    let last: number | undefined;
    const isOver = () => {
      const leaf = this.#awaited;
      if (leaf !== last) since = undefined;
      last = leaf;
      if (leaf === undefined || dataset.has(leaf)) return false;
      if (this.isRestorable(leaf % this.#geometry.steps)) return true;
      const offers = this.#offers();
      if (!offers || offers.has(leaf)) {
        since = undefined;
        return false;
      }
      const now = this.#clock.monotonic();
      since ??= now;
      if (now - since < this.#patienceFor(leaf, offers, now)) return false;
      this.#lossyRows.set(this.#rowOf(leaf), now);
      return true;
    };
    if (await this.#fetchUntil(ranges, isOver, signal, (look) => (this.#lookAtReader = look))) return;
    throw new CodexError('BLOCK_NOT_FOUND', `Nobody has block ${this.#awaited}`, { index: this.#awaited });
  }

  focus(treeCid: TreeCid, index: number): void {
    this.#awaited = index;
    this.#fetcher.focus?.(treeCid, index);
    this.#lookAtReader();
  }

  /** Lets the exchange bring a range, as far as it can be had, while `fetch` is used for parts of it. */
  readAhead(range: LeafRange, signal: AbortSignal): void {
    const ahead = { range, signal, running: false, triedAt: Number.NEGATIVE_INFINITY };
    this.#aheads.add(ahead);
    signal.addEventListener('abort', () => this.#aheads.delete(ahead), { once: true });
  }

  /** True when enough rows of a column are here. */
  isRestorable(column: number): boolean {
    return hasEnoughRows(this.#geometry, column, (leaf) => this.#dataset.has(leaf));
  }

  #offers(): LeafOffers | undefined {
    const offers = this.#fetcher.offers?.(this.#dataset.ref.treeCid);
    const now = this.#clock.monotonic();
    if (offers) this.#heardAt = now;
    return offers ?? (now - this.#heardAt < HEARD_MEMORY_MS ? NOTHING : undefined);
  }

  #rowOf(leaf: number): number {
    return Math.floor(leaf / this.#geometry.steps);
  }

  #patienceFor(leaf: number, offers: LeafOffers, now: number): number {
    if (this.#isLossy(leaf, now)) return LOSSY_ROW_MS;
    if (leaf < this.#geometry.dataLeaves) return LOST_MS;
    return this.#isCovered(leaf % this.#geometry.steps, offers) ? LOST_MS : NEEDED_PARITY_MS;
  }

  /** True when a column that could not be restored could be now: somebody showed up meanwhile. */
  isCovered(column: number): boolean {
    const offers = this.#offers();
    return offers !== undefined && this.#isCovered(column, offers);
  }

  #isCovered(column: number, offers: LeafOffers): boolean {
    return hasEnoughRows(this.#geometry, column, (leaf) => this.#dataset.has(leaf) || offers.has(leaf));
  }

  /** Whoever tells all that it has need not be asked again in a row that has been losing leaves. */
  #lostForSure(): (leaf: number) => boolean {
    const offers = this.#offers();
    if (!offers?.isAll) return () => false;
    const now = this.#clock.monotonic();
    return (leaf) => this.#isLossy(leaf, now) && !offers.has(leaf);
  }

  #isLossy(leaf: number, now: number): boolean {
    return now - (this.#lossyRows.get(this.#rowOf(leaf)) ?? Number.NEGATIVE_INFINITY) < LOSSY_ROW_MEMORY_MS;
  }

  /** Parts of the ranges that are missing, in columns that cannot be restored from what is here. */
  async #worthAsking(
    ranges: readonly LeafRange[],
    isLost: (leaf: number) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<LeafRange[]> {
    const { steps, data, parity } = this.#geometry;
    if (this.#dataset.heldCount === 0) return [...ranges];
    const total = ranges.reduce((sum, { count }) => sum + count, 0);
    // Only long ranges come to one column again and again.
    const known = total > MEMO_LEAVES && steps <= MEMO_COLUMNS_MAX ? new Uint8Array(steps) : undefined;
    const wanted: LeafRange[] = [];
    let looks = 0;
    for (const range of ranges) {
      for (const { start, count } of [...this.#dataset.missing(range)]) {
        for (let leaf = start; leaf < start + count; leaf++) {
          const column = leaf % steps;
          let verdict = known?.[column] || undefined;
          if (verdict === undefined) {
            verdict = this.isRestorable(column) ? RESTORABLE : WANTED;
            if (known) known[column] = verdict;
            looks += data + parity;
          }
          if (verdict === RESTORABLE || isLost(leaf)) continue;
          const last = wanted.at(-1);
          if (last && last.start + last.count === leaf) {
            wanted[wanted.length - 1] = { start: last.start, count: last.count + 1 };
          } else wanted.push({ start: leaf, count: 1 });
          if (++looks < LOOKS_PER_TURN) continue;
          looks = 0;
          await new Promise((resolve) => setImmediate(resolve));
          signal?.throwIfAborted();
        }
      }
    }
    return wanted;
  }

  /** True when nobody offers anything of what is missing, and that for long enough. */
  #hopeless(ranges: readonly LeafRange[]): () => boolean {
    let since: number | undefined;
    return () => {
      const offers = this.#offers();
      const now = this.#clock.monotonic();
      const rows = new Set<number>();
      let patienceMs = 0;
      for (const range of offers ? ranges : []) {
        for (const { start, count } of this.#dataset.missing(range)) {
          for (let leaf = start; leaf < start + count; leaf++) {
            if (!offers!.has(leaf)) continue;
            since = undefined;
            return false;
          }
          for (let row = this.#rowOf(start); row <= this.#rowOf(start + count - 1); row++) rows.add(row);
          patienceMs = Math.max(patienceMs, this.#patienceFor(start, offers!, now));
        }
      }
      if (rows.size === 0) since = undefined;
      else since ??= now;
      if (since === undefined || now - since < patienceMs) return false;
      for (const row of rows) this.#lossyRows.set(row, now);
      return true;
    };
  }

  /** Fetches until everything is there (true), it is over, or nobody had it (false). */
  async #fetchUntil(
    ranges: readonly LeafRange[],
    isOver: () => boolean,
    signal: AbortSignal | undefined,
    onLook: (look: () => void) => void = () => {},
  ): Promise<boolean> {
    const over = new AbortController();
    let cancel: Cancel = () => {};
    const look = () => {
      cancel();
      if (over.signal.aborted) return;
      if (isOver()) over.abort(new CodexError('BLOCK_NOT_FOUND', 'Nobody offers it'));
      else cancel = this.#clock.schedule(LOOK_MS, look);
    };
    cancel = this.#clock.schedule(LOOK_MS, look);
    onLook(look);
    try {
      const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
      await this.#fetcher.fetchDataset(this.#dataset, { ranges, signal: either });
      return true;
    } catch (error) {
      signal?.throwIfAborted();
      if (over.signal.aborted) return false;
      if (!isCodexError(error, 'BLOCK_NOT_FOUND')) throw error;
      this.#nobodyAt = this.#clock.monotonic();
      return false;
    } finally {
      onLook(() => {});
      cancel();
    }
  }

  #runAhead(): void {
    const now = this.#clock.monotonic();
    for (const ahead of this.#aheads) {
      if (ahead.running || now - ahead.triedAt < AHEAD_RETRY_MS) continue;
      ahead.running = true;
      ahead.triedAt = now;
      const options = { ranges: [ahead.range], signal: ahead.signal };
      const over = () => {
        ahead.running = false;
      };
      // What it fails with, whoever waits for the leaves learns as well.
      this.#fetcher.fetchDataset(this.#dataset, options).then(over, over);
    }
  }
}

/** True when a column has as many leaves that are there, padding included, as it takes to restore it. */
function hasEnoughRows(geometry: Geometry, column: number, isThere: (leaf: number) => boolean): boolean {
  const { steps, data, parity, originalLeaves, dataLeaves } = geometry;
  let rows = 0;
  for (let row = 0; row < data + parity && rows < data; row++) {
    const leaf = row * steps + column;
    if ((leaf >= originalLeaves && leaf < dataLeaves) || isThere(leaf)) rows++;
  }
  return rows === data;
}
