import { createHash } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { CHUNKS_LIVE, type Content } from './content.ts';

export interface Timing {
  readonly bytes: number;
  readonly ms: number;
  /** From the request to the first byte of the answer's body. */
  readonly firstByteMs: number;
}

const agent = new Agent({ keepAlive: true });

/** Uploads content; the clock runs from the request to the end of the answer. The same code serves all contenders. */
export async function upload(url: string, content: Content): Promise<Timing & { readonly body: string }> {
  const began = performance.now();
  const req = request(url, {
    method: 'POST',
    agent,
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': content.size },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    req.once('response', resolve).once('error', reject),
  );
  answered.catch(() => {});
  const written: Promise<void>[] = [];
  for (const chunk of content) {
    written.push(new Promise((resolve, reject) => req.write(chunk, (error) => (error ? reject(error) : resolve()))));
    // Back-pressure, and the promise not to touch a chunk that is still being sent.
    if (written.length >= CHUNKS_LIVE / 2) await Promise.race([written.shift(), answered]);
    if (req.destroyed) break;
  }
  for (const write of written) write.catch(() => {});
  req.end();
  const response = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString().trim();
  if (response.statusCode !== 200) throw new Error(`POST ${url}: ${response.statusCode} ${body}`);
  const ms = performance.now() - began;
  return { bytes: content.size, ms, firstByteMs: ms, body };
}

/** Downloads and counts; with `digest` also hashes (not in measured rounds). */
export function download(
  url: string,
  options: { digest?: boolean } = {},
): Promise<Timing & { readonly sha256?: string }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const req = request(url, { agent }, (response) => {
      const hash = options.digest ? createHash('sha256') : undefined;
      let bytes = 0;
      let firstByteMs = 0;
      response.on('data', (chunk: Buffer) => {
        if (bytes === 0) firstByteMs = performance.now() - began;
        bytes += chunk.length;
        hash?.update(chunk);
      });
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode !== 200) {
          reject(new Error(`GET ${url}: ${response.statusCode}`));
          return;
        }
        const timing = { bytes, ms: performance.now() - began, firstByteMs };
        resolve(hash ? { ...timing, sha256: hash.digest('hex') } : timing);
      });
    });
    req.once('error', reject);
    req.end();
  });
}

/** Sends a request without a body; resolves to the status. */
async function ask(method: string, url: string): Promise<number> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method, agent }, resolve).once('error', reject).end();
  });
  response.resume();
  await new Promise((resolve) => response.once('close', resolve));
  return response.statusCode ?? 500;
}

export async function send(method: string, url: string): Promise<void> {
  const status = await ask(method, url);
  if (status >= 300) throw new Error(`${method} ${url}: ${status}`);
}

const POLL_MS = 5;

/** Lets a node fetch a dataset of `bytes` bytes into its store; the clock runs until it holds all of it. */
export async function fetchInto(
  routes: { fetch: string; local: string },
  bytes: number,
  pollMs = POLL_MS,
): Promise<Timing> {
  const began = performance.now();
  await send('POST', routes.fetch);
  // A local HEAD is 404 until the last block is there.
  while ((await ask('HEAD', routes.local)) !== 200) await new Promise((resolve) => setTimeout(resolve, pollMs));
  const ms = performance.now() - began;
  return { bytes, ms, firstByteMs: ms };
}
