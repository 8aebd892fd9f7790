import { once } from 'node:events';
import { type Cid, formatCid, type Manifest, manifestJson } from '@codex/content';
import type { Call } from './call.ts';
import type { ApiContext } from './context.ts';
import { JSON_TYPE, respond } from './respond.ts';

/** Text that is collected before it is written; a list that fits is sent with its length. */
const PAGE_CHARS = 64 * 1024;

/** Main-thread time after which the list lets others run. Reading a page of manifests need not wait for any I/O. */
const TURN_MS = 5;

/** One entry of `GET /data`, and the body of the two manifest routes. */
export function manifestEntry(cid: Cid, manifest: Manifest): object {
  return { cid: formatCid(cid), manifest: manifestJson(manifest) };
}

/** `GET /data`: all local manifests, as a stream: their number is bounded by the disk only. */
export async function listData(context: ApiContext, call: Call): Promise<void> {
  const { res } = call;
  let page = '{"content":[';
  let separator = '';
  let turnStart = context.clock.monotonic();
  for await (const stored of context.repository.manifests()) {
    page += separator + JSON.stringify(manifestEntry(stored.cid, stored.manifest));
    separator = ',';
    if (context.clock.monotonic() - turnStart >= TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      turnStart = context.clock.monotonic();
    }
    if (page.length < PAGE_CHARS) continue;
    if (!res.headersSent) res.writeHead(200, { 'Content-Type': JSON_TYPE });
    call.signal.throwIfAborted();
    if (!res.write(page)) await once(res, 'drain', { signal: call.signal });
    page = '';
  }
  page += ']}';
  if (res.headersSent) res.end(page);
  else respond(res, 200, JSON_TYPE, page);
}
