import type { ServerResponse } from 'node:http';
import type { Clock } from '@codex/runtime';
import type { ByteBatch } from '../reader/index.ts';
import { ApiError } from './errors.ts';
import { IdleTimer } from './idle-timer.ts';

export interface WriteLimits {
  readonly downloadAheadBatches: number;
  readonly downloadIdleMs: number;
}

/**
 * Writes batches to a client, as fast as it takes them: `downloadAheadBatches` are in the socket at a time, and their
 * memory goes back when the socket has passed them on. A client that takes nothing for `downloadIdleMs` is cut off.
 * Rejects when the batches fail or the client went away; every batch that was taken is released then, too.
 */
export async function writeBatches(
  res: ServerResponse,
  batches: AsyncIterator<ByteBatch>,
  first: IteratorResult<ByteBatch>,
  clock: Clock,
  limits: WriteLimits,
): Promise<void> {
  const inFlight: Promise<void>[] = [];
  for (let next = first; !next.done; next = await batches.next()) {
    const written = writeBatch(res, next.value);
    // Awaited below; until then a failure must not count as unhandled.
    written.catch(() => {});
    inFlight.push(written);
    if (inFlight.length >= limits.downloadAheadBatches) await taken(res, inFlight.shift()!, clock, limits);
  }
  for (const written of inFlight) await taken(res, written, clock, limits);
}

/** Waits for one write. The time counts only here: a slow source is not the client's fault. */
async function taken(res: ServerResponse, written: Promise<void>, clock: Clock, limits: WriteLimits): Promise<void> {
  const socket = res.socket;
  let flushed = socket?.bytesWritten ?? 0;
  const idle = new IdleTimer(clock, limits.downloadIdleMs, () => {
    // A big batch may take long on a thin line: it is alive as long as the socket's backlog shrinks.
    const now = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0);
    if (now !== flushed) {
      flushed = now;
      idle.touch();
    } else {
      res.destroy(new ApiError('CLIENT_STALLED', `The client took no byte for ${limits.downloadIdleMs} ms`));
    }
  });
  try {
    await written;
  } finally {
    idle.stop();
  }
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
    if (batch.chunks.length === 0) return finish();
    // One system call for the whole batch.
    res.cork();
    batch.chunks.forEach((chunk, i) => {
      if (i === batch.chunks.length - 1) res.write(chunk, finish);
      else res.write(chunk);
    });
    res.uncork();
  });
}
