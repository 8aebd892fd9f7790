import type { IncomingMessage } from 'node:http';
import { refusal } from './api-client.ts';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { Progress } from './progress.ts';

/** What the node answers, line by line (docs/api.md): progress, and at the end a dataset or an error. */
interface Line {
  readonly phase?: string;
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  readonly cid?: string;
  readonly manifest?: unknown;
  readonly error?: { readonly status?: number; readonly message?: string };
}

export interface Coded {
  readonly cid: string;
  readonly manifest: unknown;
}

/** A line that is longer than this is none of a Codex node. */
const LINE_CHARS_MAX = 64 * 1024;

/**
 * Lets the node protect or repair a dataset and shows how far it is. Errors: those of ApiClient.open, NOT_FOUND and
 * REQUEST_REFUSED also in the middle, TRANSFER_INCOMPLETE when the answer broke off: the same command goes on from there.
 */
export async function codeDataset(context: Context, path: string, body?: object): Promise<Coded> {
  const { api, quiet } = context;
  const response = await api.open('POST', path, {
    headers: { accept: 'application/x-ndjson', ...(body && { 'content-type': 'application/json' }) },
    ...(body && { send: async (request) => void request.end(JSON.stringify(body)) }),
  });
  let phase: string | undefined;
  let progress: Progress | undefined;
  let done = 0;
  try {
    for await (const line of linesOf(response, api.origin)) {
      if (line.error) throw refusal(line.error.status ?? 0, line.error.message ?? '', api.origin);
      if (line.cid !== undefined) return { cid: line.cid, manifest: line.manifest };
      if (line.phase !== phase) {
        progress?.end();
        phase = line.phase;
        done = 0;
        progress = new Progress({ label: phase ?? '', total: line.totalBytes, quiet });
      }
      progress?.add((line.doneBytes ?? done) - done);
      done = line.doneBytes ?? done;
    }
  } finally {
    progress?.end();
    response.destroy();
  }
  context.signal.throwIfAborted();
  throw new CliError('TRANSFER_INCOMPLETE', `${api.origin} broke off; the same command goes on from there`);
}

/** The lines of an answer, until it ends or breaks off. */
async function* linesOf(response: IncomingMessage, origin: string): AsyncGenerator<Line> {
  response.setEncoding('utf8');
  const parts = (response as AsyncIterable<string>)[Symbol.asyncIterator]();
  let rest = '';
  for (;;) {
    // How a connection breaks says nothing: the last line is missing then.
    const next = await parts.next().catch(() => undefined);
    rest += next?.value ?? '';
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    const over = !next || next.done === true;
    for (const text of over ? [...lines, rest] : lines) if (text !== '') yield parsed(text, origin);
    if (over) return;
    if (rest.length > LINE_CHARS_MAX) throw invalid(rest, origin);
  }
}

function parsed(text: string, origin: string): Line {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {}
  if (typeof line !== 'object' || line === null) throw invalid(text, origin);
  return line;
}

function invalid(text: string, origin: string): CliError {
  return new CliError('ANSWER_INVALID', `${origin} does not answer like a Codex node`, { text: text.slice(0, 200) });
}
