import type { Clock } from '@codex/runtime';
import { NodeError } from '../errors.ts';
import { HttpError } from './respond.ts';

/** A signal that aborts after a time, or when its parent does. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Starts the time anew: something moved. */
  extend(): void;
  /** Stops the time; the parent's abort still passes through. */
  clear(): void;
}

/** The time for one fetch: aborts with `FETCH_TIMEOUT`. */
export function fetchDeadline(clock: Clock, limitMs: number, parent: AbortSignal): Deadline {
  const controller = new AbortController();
  const start = () =>
    clock.schedule(limitMs, () => {
      controller.abort(new NodeError('FETCH_TIMEOUT', `nobody delivered it within ${limitMs / 1000} s`, { limitMs }));
    });
  let cancel = start();
  return {
    signal: AbortSignal.any([parent, controller.signal]),
    extend() {
      cancel();
      cancel = start();
    },
    clear() {
      cancel();
    },
  };
}

/** The time that a request grants: `?timeout=<seconds>` may lower the server's. */
export function requestTimeoutMs(query: URLSearchParams, limitMs: number): number {
  const text = query.get('timeout');
  if (text === null) return limitMs;
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds > 0))
    throw new HttpError(400, 'The timeout must be a positive number of seconds');
  return Math.min(limitMs, Math.ceil(seconds * 1000));
}
