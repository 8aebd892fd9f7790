import { formatCid, type Manifest } from '@codex/content';
import { type AbortOptions, KeyedMutex } from '@codex/runtime';
import type { ErasureComponents, FetchLeaves } from './components.ts';
import { Restoration } from './restoration.ts';

/** A share of a restoration. */
export interface SharedRestoration {
  readonly restoration: Restoration;
  /**
   * Lets go; the last one closes it. With the failure that ended the work, the last one leaves nothing behind that
   * trying again cannot mend. Once.
   */
  release(failure?: unknown, options?: AbortOptions): Promise<void>;
}

/** One restoration for each dataset, however many readers it has at a time: what one restores serves the others. */
export class Restorations {
  readonly #components: ErasureComponents;
  readonly #turn = new KeyedMutex();
  /** As many as datasets are being read. */
  readonly #open = new Map<string, { readonly restoration: Restoration; users: number }>();

  constructor(components: ErasureComponents) {
    this.#components = components;
  }

  /** Datasets that are being read. */
  get size(): number {
    return this.#open.size;
  }

  /** `fetch` is used by all who share the restoration that this call begins. Errors: as `Restoration.open`. */
  async open(manifest: Manifest, init: { readonly fetch?: FetchLeaves } = {}): Promise<SharedRestoration> {
    const key = formatCid(manifest.treeCid);
    const shared = await this.#turn.run(key, async () => {
      const existing = this.#open.get(key);
      if (existing) {
        existing.users++;
        return existing;
      }
      const opened = { restoration: await Restoration.open(this.#components, manifest, init), users: 1 };
      this.#open.set(key, opened);
      return opened;
    });
    let held = true;
    return {
      restoration: shared.restoration,
      release: async (failure, options = {}) => {
        if (!held) return;
        held = false;
        await this.#turn.run(key, async () => {
          if (--shared.users > 0) return;
          this.#open.delete(key);
          await (failure === undefined ? shared.restoration.close() : shared.restoration.fail(failure, options));
        });
      },
    };
  }
}
