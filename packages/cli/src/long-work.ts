import type { IncomingMessage } from 'node:http';
import { refusal } from './api-client.ts';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { Progress } from './progress.ts';

/** What the node answers, line by line (docs/api.md): progress, which has a phase, and at the end a result or an error. */
interface Line {
  readonly phase?: string;
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  /** Done, 0 to 1, of what is not counted in bytes. */
  readonly fraction?: number;
  readonly error?: { readonly status?: number; readonly message?: string };
}

export interface Coded {
  readonly cid: string;
  readonly manifest: unknown;
}

/** A line that is longer than this is none of a Codex node: the inputs of a proof with 127 samples take 1 MiB. */
const LINE_CHARS_MAX = 4 * 1024 * 1024;

/** Lets the node protect, repair or cut up a dataset. Errors: those of `workInNode`. */
export async function codeDataset<T extends Coded>(context: Context, path: string, body?: object): Promise<T> {
  const made = (await workInNode(context, path, body)) as Partial<T>;
  if (typeof made.cid !== 'string') throw invalid(JSON.stringify(made), context.api.origin);
  return made as T;
}

/**
 * Lets the node do long work and shows how far it is; resolves to what the node says at the end. Errors: those of
 * ApiClient.open, NOT_FOUND and REQUEST_REFUSED also in the middle, TRANSFER_INCOMPLETE when the answer broke off: the
 * same command goes on from there.
 */
export async function workInNode(context: Context, path: string, body?: object): Promise<object> {
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
      if (line.phase === undefined) return line;
      if (line.phase !== phase) {
        progress?.end();
        phase = line.phase;
        done = 0;
        const counted = line.totalBytes !== undefined;
        progress = new Progress({ label: phase, total: line.totalBytes, counted, quiet });
      }
      if (line.fraction !== undefined) progress?.note(`${Math.floor(100 * line.fraction)}%`);
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
