import type { ServerResponse } from 'node:http';
import type { Clock } from '@codex/runtime';
import { NodeError } from '../errors.ts';
import type { ByteBatch } from '../reader/index.ts';
import type { ApiLimits } from './limits.ts';

/** Where a download's bytes come from. */
export interface BatchSource {
  next(): Promise<IteratorResult<ByteBatch, undefined>>;
  /** Gives back what was read ahead; `next` goes on from there. */
  suspend?(): Promise<void>;
  return(value: undefined): Promise<unknown>;
}

export type WriteLimits = Pick<
  ApiLimits,
  'downloadAheadBatches' | 'downloadIdleMs' | 'downloads' | 'pooledDownloads' | 'slowWriteMs'
>;

/**
 * Writes batches to clients, as fast as they take them. The memory of a batch is shared by everything that runs in the
 * node, so a client must not keep it: only a few downloads hand pooled memory to their sockets (they are fast), the
 * others copy, and a client that falls behind gets its next bytes read when it asks for them.
 */
export class BatchWriter {
  readonly #clock: Clock;
  readonly #limits: WriteLimits;
  #active = 0;
  #pooled = 0;

  constructor(components: { readonly clock: Clock }, limits: WriteLimits) {
    this.#clock = components.clock;
    this.#limits = limits;
  }

  /** True while no further download may begin. */
  get full(): boolean {
    return this.#active >= this.#limits.downloads;
  }

  /**
   * Writes `first` and what follows it. Rejects when the source fails or the client went away (`CLIENT_STALLED` when it
   * took nothing for `downloadIdleMs`); every batch that was taken is released then, too.
   */
  async write(res: ServerResponse, source: BatchSource, first: IteratorResult<ByteBatch, undefined>): Promise<void> {
    const inFlight: Promise<void>[] = [];
    let pooled = false;
    let slow = false;
    this.#active++;
    watch(res, this.#limits.downloadIdleMs);
    try {
      for (let next = first; !next.done; next = await source.next()) {
        if (!pooled && !slow && this.#pooled < this.#limits.pooledDownloads) {
          this.#pooled++;
          pooled = true;
        }
        const written = writeBatch(res, pooled ? next.value : copied(next.value));
        // Awaited below; until then a failure must not count as unhandled.
        written.catch(() => {});
        inFlight.push(written);
        const ahead = pooled ? this.#limits.downloadAheadBatches : 1;
        if (inFlight.length < ahead) continue;
        slow = await this.#taken(res, source, inFlight.shift()!);
        if (!slow || !pooled) continue;
        // Once its pooled batches are out, the permit is of more use to a client that takes what it gets.
        while (inFlight.length > 0) await inFlight.shift();
        this.#pooled--;
        pooled = false;
      }
      for (const written of inFlight) await written;
    } finally {
      await Promise.allSettled(inFlight);
      this.#active--;
      if (pooled) this.#pooled--;
    }
  }

  /** Waits until a batch is written; true when that was slow. Then nothing was left read ahead meanwhile. */
  async #taken(res: ServerResponse, source: BatchSource, written: Promise<void>): Promise<boolean> {
    if (res.socket?.writableLength === 0) {
      await written;
      return false;
    }
    let suspended: Promise<void> | undefined;
    const cancel = this.#clock.schedule(this.#limits.slowWriteMs, () => {
      suspended = source.suspend?.() ?? Promise.resolve();
      suspended.catch(() => {});
    });
    try {
      await written;
      await suspended;
      return suspended !== undefined;
    } finally {
      cancel();
    }
  }
}

/**
 * Cuts off a client that takes nothing. The socket's own timer is used because only it sees progress inside a write: a
 * batch may take minutes on a thin line. It also fires when the source is slow; then nothing waits to be written.
 */
function watch(res: ServerResponse, limitMs: number): void {
  res.setTimeout(limitMs, () => {
    if ((res.socket?.writableLength ?? 0) > 0) {
      res.destroy(new NodeError('CLIENT_STALLED', `The client took no byte for ${limitMs} ms`, { limitMs }));
    }
  });
}

/** The same bytes in memory of their own; the pooled memory is released. */
function copied(batch: ByteBatch): ByteBatch {
  const bytes = Buffer.allocUnsafeSlow(batch.byteLength);
  let at = 0;
  for (const chunk of batch.chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  batch.release();
  return { ...batch, chunks: [bytes], release: () => {} };
}

function writeBatch(res: ServerResponse, batch: ByteBatch): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    const finish = (error?: Error | null) => {
      if (over) return;
      over = true;
      res.off('close', onClose);
      batch.release();
      if (error) reject(error);
      else resolve();
    };
    const onClose = () => finish(res.errored ?? new Error('The client closed the connection'));
    if (res.destroyed) return onClose();
    res.on('close', onClose);
    if (batch.byteLength === 0) return finish();
    // One system call for the whole batch.
    res.cork();
    batch.chunks.forEach((chunk, i) => {
      if (i === batch.chunks.length - 1) res.write(chunk, finish);
      else res.write(chunk);
    });
    res.uncork();
  });
}
