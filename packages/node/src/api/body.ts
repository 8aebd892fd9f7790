import type { IncomingMessage } from 'node:http';
import type { AbortOptions, Clock } from '@codex/runtime';
import { NodeError } from '../errors.ts';
import { IdleTimer } from './idle-timer.ts';

export interface BodyLimits {
  readonly uploadAheadBytes: number;
  readonly uploadIdleMs: number;
}

/**
 * Hands a request body to `consume`, piece by piece in order, each after the one before was taken. The socket is read
 * ahead by `uploadAheadBytes` and then paused, so a slow repository slows the client down and memory stays flat.
 * Resolves to the number of bytes. Errors: `BODY_TRUNCATED`, `BODY_STALLED`, those of `consume`, the signal's reason.
 */
export function readBody(
  req: IncomingMessage,
  consume: (bytes: Uint8Array) => Promise<void>,
  clock: Clock,
  limits: BodyLimits,
  options: AbortOptions = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    let queue: Buffer[] = [];
    let queuedBytes = 0;
    let total = 0;
    let consuming = false;
    let ended = false;
    let settled = false;

    let outcome = () => {};
    const settle = (error?: unknown) => {
      if (settled) return;
      settled = true;
      outcome = () => (error === undefined ? resolve(total) : reject(error));
      queue = [];
      idle.stop();
      req.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      options.signal?.removeEventListener('abort', onAbort);
      // What is left of the body is dealt with by whoever answers.
      req.pause();
      // The last piece is still being taken: whoever cleans up must not do so under its feet.
      if (!consuming) outcome();
    };
    const pump = async () => {
      consuming = true;
      try {
        while (queue.length > 0 && !settled) {
          const pieces = queue;
          queue = [];
          for (const piece of pieces) {
            await consume(piece);
            if (settled) return;
            queuedBytes -= piece.length;
            idle.touch();
            if (req.isPaused() && queuedBytes < limits.uploadAheadBytes / 2) req.resume();
          }
        }
        if (ended) settle();
      } catch (error) {
        settle(error);
      } finally {
        consuming = false;
        if (settled) outcome();
      }
    };
    const onData = (piece: Buffer) => {
      total += piece.length;
      queuedBytes += piece.length;
      queue.push(piece);
      idle.touch();
      if (queuedBytes >= limits.uploadAheadBytes) req.pause();
      if (!consuming) void pump();
    };
    const onEnd = () => {
      ended = true;
      if (!consuming) settle();
    };
    const onClose = () => {
      if (!ended) settle(new NodeError('BODY_TRUNCATED', 'The client closed the connection'));
    };
    const onAbort = () => settle(options.signal?.reason);
    const idle = new IdleTimer(clock, limits.uploadIdleMs, () => {
      // A repository that is slow is not the client's fault.
      if (consuming) idle.touch();
      else settle(new NodeError('BODY_STALLED', `No byte came for ${limits.uploadIdleMs} ms`));
    });
    req.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted) onAbort();
    else if (req.destroyed && !req.readableEnded) onClose();
  });
}

/**
 * Reads and drops what is left of a body that nobody wants, up to a limit; then the connection is cut. Resolves when the
 * request is over. A close while the client still sends would reset the connection, and the client might never see the
 * answer that was sent meanwhile.
 */
export function dropBody(
  req: IncomingMessage,
  clock: Clock,
  limits: { readonly lingerBytes: number; readonly lingerMs: number },
): Promise<void> {
  // Without this a connection that is kept alive would stay paused.
  req.resume();
  if (req.complete || req.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let left = limits.lingerBytes;
    const cancel = clock.schedule(limits.lingerMs, () => req.destroy());
    const over = () => {
      cancel();
      resolve();
    };
    req.on('data', (piece: Buffer) => {
      left -= piece.length;
      if (left < 0) req.destroy();
    });
    req.once('end', over).once('close', over);
    req.on('error', () => {});
  });
}
