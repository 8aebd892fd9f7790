import { isCodexError } from '@codex/runtime';
import { accepts } from './accept.ts';
import type { Call } from './call.ts';
import type { ApiContext } from './context.ts';
import { toHttpError } from './http-errors.ts';
import { respondJson } from './respond.ts';

/** One JSON value per line. */
export const LINES_TYPE = 'application/x-ndjson';

/**
 * Answers with the result of long work. A client that accepts lines is told how far it is, a few times per second; the last
 * line is the result, or `{"error":{"status","code","message"}}`. What fails before the first line fails with its status.
 */
export async function answerWithProgress<Progress extends object>(
  context: ApiContext,
  call: Call,
  work: (onProgress: (progress: Progress) => void) => Promise<object>,
): Promise<void> {
  const { req, res } = call;
  if (!accepts(req.headers.accept, LINES_TYPE)) return respondJson(res, await work(() => {}));
  const { clock, limits } = context;
  let latest: Progress | undefined;
  let written = Number.NEGATIVE_INFINITY;
  const write = (value: object) => {
    if (!res.headersSent) res.writeHead(200, { 'Content-Type': LINES_TYPE, 'Cache-Control': 'no-store' });
    res.write(`${JSON.stringify(value)}\n`);
    written = clock.monotonic();
  };
  const tell = () => {
    // Whoever does not read gets no more lines than its socket takes.
    if (!latest || res.writableNeedDrain || res.destroyed) return;
    write(latest);
  };
  const onProgress = (progress: Progress) => {
    latest = progress;
    if (clock.monotonic() - written >= limits.progressMs) tell();
  };
  const repeat = () => {
    tell();
    cancel = clock.schedule(limits.heartbeatMs, repeat);
  };
  let cancel = clock.schedule(limits.heartbeatMs, repeat);
  try {
    write(await work(onProgress));
  } catch (error) {
    if (!res.headersSent || res.destroyed) throw error;
    const { status, message } = toHttpError(error);
    context.logger.warn('Request failed', { path: req.url, error });
    write({ error: { status, ...(isCodexError(error) && { code: error.code }), message } });
  } finally {
    cancel();
  }
  res.end();
}
