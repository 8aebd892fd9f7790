import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import {
  blockCid,
  type Dataset,
  encodeManifest,
  formatCid,
  type LeafBatch,
  type LeafRange,
  manifestCidOf,
  parseCid,
  type TreeCid,
} from '@codex/content';
import { CodexError, seededRandom } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BASE_PATH } from '../../src/api/index.ts';
import { eventually, startApi, store, stream } from './harness.ts';

const BLOCK = 65536;
const SIZE = 5 * BLOCK + 77;
const BYTES = stream('download', SIZE);
/** More than both kernels buffer for one connection. */
const LARGE = seededRandom(1).bytes(400 * BLOCK);

async function started(describe: object = {}) {
  const api = await startApi();
  const cid = formatCid(await store(api.repository, BYTES, describe));
  return { ...api, cid, path: `/data/${cid}` };
}

/** A repository whose datasets are read through `read`. */
class ReadThrough extends MemoryRepository {
  open = 0;
  released = 0;
  read: (dataset: Dataset, range: LeafRange) => AsyncIterable<LeafBatch> = (dataset, range) => dataset.read(range);

  override async findDataset(cid: TreeCid): Promise<Dataset | undefined> {
    const dataset = await super.findDataset(cid);
    return dataset && this.#wrap(dataset);
  }

  #wrap(dataset: Dataset): Dataset {
    const read = (range: LeafRange) => this.#counted(dataset, range);
    return new Proxy(dataset, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === 'read') return read;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** `open` counts batches that were given out and not released. */
  async *#counted(dataset: Dataset, range: LeafRange): AsyncGenerator<LeafBatch> {
    for await (const batch of this.read(dataset, range)) {
      this.open++;
      let held = true;
      yield {
        ...batch,
        release: () => {
          if (held) this.open--;
          else throw new Error('released twice');
          held = false;
          this.released++;
          batch.release();
        },
      };
    }
  }
}

describe('GET /data/{cid}', () => {
  it('gives any range of the file', async () => {
    const { ask, path } = await started();
    const position = fc.oneof(
      fc.integer({ min: 0, max: SIZE + 10 }),
      fc.constantFrom(0, BLOCK - 1, BLOCK, SIZE - 1, SIZE),
    );
    await fc.assert(
      fc.asyncProperty(position, position, async (first, last) => {
        const answer = await ask('GET', path, { headers: { range: `bytes=${first}-${last}` } });
        if (last < first) {
          expect(answer.status).toBe(200);
          expect(answer.body.length).toBe(SIZE);
        } else if (first >= SIZE) {
          expect([answer.status, answer.headers['content-range']]).toEqual([416, `bytes */${SIZE}`]);
        } else {
          const end = Math.min(last + 1, SIZE);
          expect(answer.status).toBe(206);
          expect(answer.headers['content-range']).toBe(`bytes ${first}-${end - 1}/${SIZE}`);
          expect(answer.headers['content-length']).toBe(String(end - first));
          expect(answer.body.equals(BYTES.subarray(first, end))).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('ignores several ranges, as a server may', async () => {
    const { ask, path } = await started();
    const answer = await ask('GET', path, { headers: { range: 'bytes=0-1,5-6' } });
    expect([answer.status, answer.body.length]).toEqual([200, SIZE]);
  });

  it('answers HEAD like GET without a body', async () => {
    const { ask, path } = await started({ filename: 'a.bin', mimetype: 'image/png' });
    const got = await ask('GET', path);
    const head = await ask('HEAD', path);
    expect(head.body.length).toBe(0);
    const same = ['content-type', 'content-length', 'content-disposition', 'etag', 'accept-ranges'];
    expect(same.map((name) => head.headers[name])).toEqual(same.map((name) => got.headers[name]));
    expect(head.headers['content-type']).toBe('image/png');
    const part = await ask('HEAD', path, { headers: { range: 'bytes=0-0' } });
    expect([part.status, part.headers['content-length']]).toEqual([206, '1']);
    expect((await ask('HEAD', `/data/${formatCid(blockCid(BYTES.subarray(0, 32)))}`)).status).toBe(404);
  });

  it('answers conditions by the CID', async () => {
    const { ask, path, cid } = await started();
    const status = async (headers: Record<string, string>) => (await ask('GET', path, { headers })).status;
    const etag = (await ask('GET', path)).headers.etag!;
    expect(etag).toBe(`"${cid}"`);
    expect(await status({ 'if-none-match': etag })).toBe(304);
    expect(await status({ 'if-none-match': `"x", W/${etag}` })).toBe(304);
    expect(await status({ 'if-none-match': '*' })).toBe(304);
    expect(await status({ 'if-none-match': '"x"' })).toBe(200);
    expect(await status({ 'if-none-match': cid })).toBe(200);
    expect(await status({ 'if-match': '"x"' })).toBe(412);
    expect(await status({ 'if-match': etag })).toBe(200);
    expect(await status({ range: 'bytes=0-0', 'if-range': etag })).toBe(206);
    expect(await status({ range: 'bytes=0-0', 'if-range': '"x"' })).toBe(200);
    expect(await status({ range: 'bytes=0-0', 'if-range': 'Sat, 21 Nov 2026 06:46:52 GMT' })).toBe(200);
    const notModified = await ask('GET', path, { headers: { 'if-none-match': etag } });
    expect([notModified.body.length, notModified.headers.etag]).toEqual([0, etag]);
  });

  it('serves blocks by their CID', async () => {
    const { ask, repository } = await startApi();
    const block = stream('block', 1000);
    const cid = blockCid(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(block))));
    await repository.putBlock(cid, block);
    const answer = await ask('GET', `/data/${formatCid(cid)}`);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/octet-stream']);
    expect(answer.body.equals(block)).toBe(true);
    const part = await ask('GET', `/data/${formatCid(cid)}`, { headers: { range: 'bytes=-10' } });
    expect(part.body.equals(block.subarray(990))).toBe(true);
  });

  it('lets nothing in a foreign manifest break out of the headers', async () => {
    const { ask, repository } = await startApi();
    const known = formatCid(await store(repository, BYTES.subarray(0, 10)));
    const { treeCid } = JSON.parse((await ask('GET', `/data/${known}/network/manifest`)).text).manifest;
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), async (filename, mimetype) => {
        const manifest = encodeManifest({
          treeCid: parseCid(treeCid) as TreeCid,
          blockSize: BLOCK,
          datasetSize: 10,
          filename: `${filename.toWellFormed()}"\r\nSet-Cookie: evil=1`,
          mimetype: `${mimetype.toWellFormed()}\r\nX-Evil: 1`,
        });
        await repository.putBlock(manifestCidOf(manifest), manifest);
        const answer = await ask('GET', `/data/${formatCid(manifestCidOf(manifest))}`);
        expect(answer.status).toBe(200);
        expect(answer.headers['set-cookie']).toBeUndefined();
        expect(answer.headers['x-evil']).toBeUndefined();
        expect(answer.headers['content-type']).toBe('application/octet-stream');
        expect(answer.body.equals(BYTES.subarray(0, 10))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('answers 404 for a manifest whose blocks are not all here, but serves the ranges that are', async () => {
    const remote = await started();
    const local = await startApi();
    const bytes = (await remote.repository.getBlock(parseCid(remote.cid)))!;
    const cid = manifestCidOf(bytes);
    await local.repository.putBlock(cid, bytes);
    expect((await local.ask('GET', `/data/${formatCid(cid)}`)).status).toBe(404);
    expect((await local.ask('HEAD', `/data/${formatCid(cid)}`)).status).toBe(404);
  });

  it('truncates the body and cuts the connection when a block turns out to be corrupt', async () => {
    const repository = new ReadThrough();
    repository.read = async function* (dataset, range) {
      yield* dataset.read({ start: range.start, count: 2 });
      throw new CodexError('BLOCK_NOT_FOUND', 'corrupt', { index: 2 });
    };
    const { server } = await startApi({ repository });
    const cid = formatCid(await store(repository, BYTES));
    const res = await begin(server.port, `/data/${cid}`);
    let received = 0;
    res.on('data', (piece) => {
      received += piece.length;
    });
    const [error] = await once(res, 'error');
    expect(error.message).toBe('aborted');
    expect([res.statusCode, received]).toEqual([200, 2 * BLOCK]);
    expect(repository.open).toBe(0);
  });

  it('releases everything when the client goes away', async () => {
    const repository = new ReadThrough();
    const { server, ask } = await startApi({ repository });
    const bytes = LARGE;
    const cid = formatCid(await store(repository, bytes));
    for (let i = 0; i < 3; i++) {
      const res = await begin(server.port, `/data/${cid}`);
      await once(res, 'readable');
      res.destroy();
      await eventually(() => repository.open).toBe(0);
    }
    expect((await ask('GET', `/data/${cid}`)).body.equals(bytes)).toBe(true);
  });

  it('refuses more downloads than its limit', async () => {
    const repository = new ReadThrough();
    const { server, ask } = await startApi({ repository }, { limits: { downloads: 2 } });
    const cid = formatCid(await store(repository, LARGE));
    const open = [await begin(server.port, `/data/${cid}`), await begin(server.port, `/data/${cid}`)];
    expect((await ask('GET', `/data/${cid}`)).status).toBe(503);
    for (const res of open) res.destroy();
    await eventually(async () => (await ask('GET', `/data/${cid}`)).status).toBe(200);
  });
});

describe('a client that does not read', () => {
  const bytes = LARGE;

  it('holds little, and is cut off', async () => {
    const repository = new ReadThrough();
    const { server } = await startApi({ repository }, { limits: { downloadIdleMs: 300 } });
    const cid = formatCid(await store(repository, bytes));
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write(`GET ${BASE_PATH}/data/${cid} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await eventually(() => repository.open).toBeGreaterThan(0);
    expect(repository.open).toBeLessThanOrEqual(2);
    await eventually(() => repository.open, { timeout: 5000 }).toBe(0);
    socket.resume();
    await new Promise((resolve) => socket.on('close', resolve));
    expect(socket.bytesRead).toBeLessThan(bytes.length);
  });

  it('keeps no pooled memory when there are many of them', async () => {
    const repository = new ReadThrough();
    const { server, ask } = await startApi({ repository }, { limits: { pooledDownloads: 2, slowWriteMs: 10 } });
    const cid = formatCid(await store(repository, bytes));
    const before = process.memoryUsage().arrayBuffers;
    const clients = Array.from({ length: 20 }, () => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.pause();
      socket.write(`GET ${BASE_PATH}/data/${cid} HTTP/1.1\r\nHost: x\r\n\r\n`);
      return socket;
    });
    // All are stuck when no more batches are given out.
    let last = -1;
    const isStill = () => {
      const earlier = last;
      last = repository.released;
      return earlier === last && last > 0;
    };
    await eventually(isStill, { interval: 200, timeout: 10_000 }).toBe(true);
    expect(repository.open).toBeLessThanOrEqual(2 * 2);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 2 * 1024 * 1024);
    // Others are served meanwhile, and the slow ones get everything once they read.
    expect((await ask('GET', `/data/${cid}`)).body.equals(bytes)).toBe(true);
    const slow = clients[19]!;
    let received = 0;
    slow.on('data', (piece) => {
      received += piece.length;
    });
    slow.resume();
    await eventually(() => received, { timeout: 10_000 }).toBeGreaterThan(bytes.length);
    for (const socket of clients) socket.destroy();
    await eventually(() => repository.open).toBe(0);
  });
});

/** Sends a request and resolves with its answer, whose body is not read yet. */
async function begin(port: number, path: string): Promise<IncomingMessage> {
  const req = get({ port, path: BASE_PATH + path, agent: false });
  const [res] = await once(req, 'response');
  req.on('error', () => {});
  return res;
}
