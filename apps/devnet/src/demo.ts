import { DevnetError } from './errors.ts';
import type { Network } from './network.ts';
import type { NetworkNode } from './network-node.ts';
import type { SourceFile } from './source-file.ts';

export interface Step {
  readonly node: string;
  readonly bytes: number;
  readonly ms: number;
}

export interface DemoResult {
  readonly cid: string;
  readonly sha256: string;
  readonly stored: Step;
  readonly fetched: readonly Step[];
}

/** How the demo tells what happens; every callback is optional to the one who listens. */
export interface DemoListener {
  storing?(node: NetworkNode): ((bytes: number) => void) | undefined;
  stored?(step: Step & { cid: string }): void;
  fetching?(node: NetworkNode): ((bytes: number) => void) | undefined;
  fetched?(step: Step & { sha256: string }): void;
}

/**
 * Stores the file on the first node and fetches it on all others, one after the other: each has one source more than the
 * one before. Errors: `CONTENT_DIFFERS` when a copy is not identical, `NODE_REFUSED`, `NODE_UNREACHABLE`.
 */
export async function runDemo(
  network: Network,
  source: SourceFile,
  options: { readonly listener?: DemoListener; readonly signal?: AbortSignal | undefined } = {},
): Promise<DemoResult> {
  const { listener = {}, signal } = options;
  const [first, ...others] = network.nodes;
  if (!first) throw new DevnetError('USAGE', 'The network has no node');

  let began = performance.now();
  const upload = await first.rest.upload(source.path, {
    name: headerSafe(source.name),
    size: source.size,
    onProgress: listener.storing?.(first),
    signal,
  });
  const stored = { node: first.name, bytes: upload.bytes, ms: performance.now() - began };
  listener.stored?.({ ...stored, cid: upload.cid });

  const fetched: Step[] = [];
  for (const node of others) {
    const onProgress = listener.fetching?.(node);
    began = performance.now();
    const copy = await node.rest.download(upload.cid, { onProgress, signal });
    if (copy.bytes !== upload.bytes || copy.sha256 !== upload.sha256) {
      const message = `${node.name} delivered ${copy.bytes} bytes with SHA-256 ${copy.sha256}; stored were ${upload.bytes} with ${upload.sha256}`;
      throw new DevnetError('CONTENT_DIFFERS', message, { node: node.name, cid: upload.cid });
    }
    const step = { node: node.name, bytes: copy.bytes, ms: performance.now() - began };
    fetched.push(step);
    listener.fetched?.({ ...step, sha256: copy.sha256 });
  }
  return { cid: upload.cid, sha256: upload.sha256, stored, fetched };
}

/** A name that any Content-Disposition header carries and the upload rules accept (06 §2). */
function headerSafe(name: string): string {
  return (
    name
      .replace(/[^\w.+() -]/g, '_')
      .slice(-200)
      .trim() || 'file'
  );
}
