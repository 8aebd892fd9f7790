import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { InlineCompute } from '@codex/compute';
import { type Cid, type Dataset, datasetRef, decodeManifest, type LeafRange, type Repository } from '@codex/content';
import { CodexError, type Logger, silentLogger } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { expect, onTestFinished } from 'vitest';
import { type ApiComponents, type ApiInit, ApiServer, BASE_PATH } from '../../src/api/index.ts';

/** stream(seed, n): SHA256(ascii(seed) ‖ u64le(0)), SHA256(… 1), … cut to n bytes, as in the vectors. */
export function stream(seed: string, length: number): Buffer {
  const known = streams.get(seed);
  if (known && known.length >= length) return known.subarray(0, length);
  const pieces: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64LE(BigInt(i));
    pieces.push(createHash('sha256').update(seed).update(counter).digest());
  }
  const bytes = Buffer.concat(pieces);
  streams.set(seed, bytes);
  return bytes.subarray(0, length);
}

const streams = new Map<string, Buffer>();

/** Brings blocks from another repository in this process, proved as the exchange does it. */
export class RepositoryFetcher {
  readonly #local: Repository;
  readonly #remote: Repository;
  /** Leaves per step; between steps other work runs. */
  batch = 16;
  /** Called before each step of a dataset fetch. */
  beforeStep: (start: number) => Promise<void> | void = () => {};
  /** Dataset fetches that were aborted. */
  aborted = 0;
  running = 0;

  constructor(local: Repository, remote: Repository) {
    this.#local = local;
    this.#remote = remote;
  }

  async fetchBlock(cid: Cid, options: { signal?: AbortSignal | undefined } = {}): Promise<Uint8Array> {
    const held = await this.#local.getBlock(cid);
    if (held) return held;
    const bytes = await this.#remote.getBlock(cid);
    options.signal?.throwIfAborted();
    if (!bytes) throw new CodexError('BLOCK_NOT_FOUND', 'Nobody has the block');
    await this.#local.putBlock(cid, bytes);
    return bytes;
  }

  async fetchDataset(
    dataset: Dataset,
    options: { signal?: AbortSignal | undefined; ranges?: readonly LeafRange[] } = {},
  ): Promise<void> {
    this.running++;
    try {
      for (const range of options.ranges ?? [{ start: 0, count: dataset.ref.leafCount }]) {
        for (let at = range.start; at < range.start + range.count; at += this.batch) {
          await new Promise((resolve) => setImmediate(resolve));
          await this.beforeStep(at);
          options.signal?.throwIfAborted();
          await this.#bring(dataset, { start: at, count: Math.min(this.batch, range.start + range.count - at) });
        }
      }
    } catch (error) {
      if (options.signal?.aborted) this.aborted++;
      throw error;
    } finally {
      this.running--;
    }
  }

  async #bring(dataset: Dataset, within: LeafRange): Promise<void> {
    const source = await this.#remote.findDataset(dataset.ref.treeCid);
    for (const range of [...dataset.missing(within)]) {
      if (!source) throw new CodexError('BLOCK_NOT_FOUND', 'Nobody has the dataset');
      await dataset.learn(await source.prove(range));
      for await (const batch of source.read(range)) {
        await dataset.putLeaves(batch.start, batch.blocks);
        batch.release();
      }
    }
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export interface Started<R extends Repository = MemoryRepository> {
  readonly server: ApiServer;
  readonly repository: R;
  readonly ask: (method: string, path: string, options?: AskOptions) => Promise<Answer>;
}

export interface AskOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | string;
}

export const EMPTY_NODE: ApiComponents['node'] = {
  peerId: '16Uiu2HAkw8gQhBySjgB6Dmebz9kgTKwTYuPhGZxW2YBi7aFJknoX',
  repoPath: '<data-dir>',
  spr: () => undefined,
  record: () => '',
  announceAddrs: () => [],
  version: 'v0',
  revision: '0',
  contracts: '0',
};

/** Starts an API over a repository in memory, which ends with the test. */
export function startApi(
  components: Partial<ApiComponents> & { repository?: MemoryRepository } = {},
  init: Partial<ApiInit> = {},
): Promise<Started> {
  const repository = components.repository ?? new MemoryRepository();
  return startApiOn({ ...components, repository }, init);
}

/** Starts an API over any repository. */
export async function startApiOn<R extends Repository>(
  components: Partial<ApiComponents> & { repository: R },
  init: Partial<ApiInit> = {},
): Promise<Started<R>> {
  const { repository } = components;
  const server = await ApiServer.create(
    {
      fetcher: new RepositoryFetcher(repository, repository),
      network: { listenAddrs: () => [], connect: async () => {} },
      node: EMPTY_NODE,
      logLevels: { set: () => {} },
      compute: new InlineCompute(),
      ...components,
    },
    { bindAddress: '127.0.0.1', port: 0, fetchTimeoutMs: 5000, ...init },
  );
  await server.start();
  onTestFinished(() => server.stop());
  return { server, repository, ask: (method, path, options) => ask(server.port, method, path, options) };
}

/** One request over a connection of its own. A path that begins with `!` is not below the base path. */
export function ask(port: number, method: string, path: string, options: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = path.startsWith('!') ? path.slice(1) : BASE_PATH + path;
    const req = request({ port, method, path: url, headers: options.headers ?? {}, agent: false }, (res) => {
      const pieces: Buffer[] = [];
      res.on('data', (piece: Buffer) => pieces.push(piece));
      res.on('error', reject);
      res.on('end', () => {
        const body = Buffer.concat(pieces);
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body, text: body.toString() });
      });
    });
    req.on('error', reject);
    req.end(options.body);
  });
}

/** Stores bytes in a repository; the CID of their manifest. */
export async function store(repository: Repository, bytes: Uint8Array, describe: object = {}): Promise<Cid> {
  const writer = repository.createDataset({ blockSize: 65536 });
  await writer.append(bytes);
  return writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize: 65536, ...describe }));
}

/** The dataset that a manifest names. */
export async function datasetOf(repository: Repository, cid: Cid): Promise<Dataset> {
  const bytes = await repository.getBlock(cid);
  if (!bytes) throw new Error('no such manifest');
  return repository.openDataset(datasetRef(decodeManifest(bytes)));
}

/** Waits for something that the test cannot await, on a machine that may be busy. */
export function eventually<T>(read: () => T, options: { interval?: number; timeout?: number } = {}) {
  return expect.poll(read, { timeout: 15_000, ...options });
}

/** A logger that keeps its messages. */
export function recordingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string) => {
    lines.push(message);
  };
  const logger = {
    ...silentLogger,
    lines,
    debug: keep,
    info: keep,
    warn: keep,
    error: keep,
    child: () => logger,
  };
  return logger;
}
