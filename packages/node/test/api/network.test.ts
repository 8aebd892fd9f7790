import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type Cid, encodeManifest, formatCid, manifestCidOf, parseCid, type TreeCid } from '@codex/content';
import { CodexError, VirtualClock } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { describe, expect, it } from 'vitest';
import { type ApiInit, BASE_PATH } from '../../src/api/index.ts';
import { eventually, RepositoryFetcher, startApi, store, stream } from './harness.ts';

const BLOCK = 65536;
const BYTES = stream('network', 60 * BLOCK + 5);
const UNKNOWN = 'zDvZRwzm1ePSzKSXt57D5YxHwcSDmsCyYN65wW4HT7fuX9HrzFXy';

/** An API whose repository is empty and which fetches from one that has a file. */
async function withRemote(init: Partial<ApiInit> = {}, clock?: VirtualClock) {
  const repository = new MemoryRepository();
  const remote = new MemoryRepository();
  const fetcher = new RepositoryFetcher(repository, remote);
  const cid = formatCid(await store(remote, BYTES, { filename: 'film.bin' }));
  const api = await startApi({ repository, fetcher, ...(clock && { clock }) }, init);
  return { ...api, remote, fetcher, cid };
}

/** A fetcher that hears of nothing, until it is aborted. */
function silentFetcher() {
  const wait = (signal: AbortSignal | undefined) =>
    new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  return {
    fetchBlock: (_cid: Cid, options?: { signal?: AbortSignal | undefined }) => wait(options?.signal),
    fetchDataset: (_dataset: unknown, options?: { signal?: AbortSignal | undefined }) => wait(options?.signal),
  };
}

describe('GET /data/{cid}/network/stream', () => {
  it('fetches and streams, and the file is local afterwards', async () => {
    const { ask, cid } = await withRemote();
    const answer = await ask('GET', `/data/${cid}/network/stream`);
    expect([answer.status, answer.headers['content-disposition']]).toEqual([200, 'attachment; filename="film.bin"']);
    expect(answer.body.equals(BYTES)).toBe(true);
    expect((await ask('GET', `/data/${cid}`)).body.equals(BYTES)).toBe(true);
  });

  it('fetches no more than the range that is asked for', async () => {
    const { ask, cid, repository } = await withRemote();
    const range = `bytes=${30 * BLOCK + 1}-${31 * BLOCK}`;
    const answer = await ask('GET', `/data/${cid}/network/stream`, { headers: { range } });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(BYTES.subarray(30 * BLOCK + 1, 31 * BLOCK + 1))).toBe(true);
    expect(repository.usage().totalBlocks).toBe(2 + 1);
    // What is held can be read locally, the rest not.
    expect((await ask('GET', `/data/${cid}`, { headers: { range } })).status).toBe(206);
    expect((await ask('GET', `/data/${cid}`)).status).toBe(404);
  });

  it('sends the first bytes before the last ones have come', async () => {
    const { server, cid, fetcher } = await withRemote();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    fetcher.beforeStep = (at) => (at >= 32 ? gate : undefined);
    const res = await begin(server.port, `/data/${cid}/network/stream`);
    const pieces: Buffer[] = [];
    res.on('data', (piece) => pieces.push(piece));
    const received = () => pieces.reduce((sum, piece) => sum + piece.length, 0);
    await eventually(received).toBe(32 * BLOCK);
    open();
    await once(res, 'end');
    expect(Buffer.concat(pieces).equals(BYTES)).toBe(true);
  });

  it('stops fetching when the client goes away, and serves the next one', async () => {
    const { server, ask, cid, fetcher } = await withRemote();
    const before = fetcher.beforeStep;
    fetcher.beforeStep = (at) => (at >= 32 ? new Promise(() => {}) : undefined);
    const res = await begin(server.port, `/data/${cid}/network/stream`);
    await once(res, 'readable');
    const aborts = new Promise<void>((resolve) => {
      const fetchDataset = fetcher.fetchDataset.bind(fetcher);
      fetcher.fetchDataset = (dataset, options) => {
        options?.signal?.addEventListener('abort', () => resolve());
        return fetchDataset(dataset, options);
      };
    });
    res.destroy();
    const second = await begin(server.port, `/data/${cid}/network/stream`);
    second.destroy();
    await aborts;
    fetcher.beforeStep = before;
    expect((await ask('GET', `/data/${cid}/network/stream`)).body.equals(BYTES)).toBe(true);
  });

  it('answers 404 for what nobody has, with or without the manifest', async () => {
    const { ask, cid, repository, remote } = await withRemote();
    for (const route of ['network/stream', 'network/manifest']) {
      const answer = await ask('GET', `/data/${UNKNOWN}/${route}`);
      expect([answer.status, answer.text]).toEqual([
        404,
        'The requested CID could not be retrieved (Block not found).',
      ]);
    }
    await repository.putBlock(parseCid(cid), (await remote.getBlock(parseCid(cid)))!);
    await remote.delete(parseCid(cid));
    expect((await ask('GET', `/data/${cid}/network/stream`)).status).toBe(404);
  });

  it('answers 404 at once for what is no manifest', async () => {
    const { ask } = await startApi({ fetcher: silentFetcher() });
    for (const cid of [
      'zDxWB8ED98hxJ51XwYaoQAwMdskCcmTaPR6Ce2wq88bjvjXRYuR9',
      'zDzSvJTezk7bJNQqFq8k1iHXY84psNuUfZVusA5bBQQUSuyzDSVL',
    ]) {
      const answer = await ask('GET', `/data/${cid}/network/stream`);
      expect([answer.status, answer.text]).toEqual([404, 'Unable to decode as manifest']);
    }
  });

  it('answers 504 when nothing is heard in time', async () => {
    const clock = new VirtualClock();
    const { ask } = await startApi({ fetcher: silentFetcher(), clock }, { fetchTimeoutMs: 60_000 });
    const answers = ['network/stream', 'network/manifest'].map((route) => ask('GET', `/data/${UNKNOWN}/${route}`));
    answers.push(ask('POST', `/data/${UNKNOWN}/network`));
    answers.push(ask('GET', `/data/${UNKNOWN}/network/stream?timeout=1000`));
    const short = ask('GET', `/data/${UNKNOWN}/network/stream?timeout=2`);
    const advance = async (until: Promise<unknown>, limitMs: number) => {
      let over = false;
      until.then(() => {
        over = true;
      });
      while (!over && clock.now() <= limitMs) {
        await clock.advance(500);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await advance(short, 30_000);
    expect([(await short).status, clock.now() < 30_000]).toEqual([504, true]);
    await advance(Promise.all(answers), 120_000);
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe(504);
  });

  it('cuts the body when the blocks stop coming', async () => {
    const { server, cid, fetcher } = await withRemote({ fetchTimeoutMs: 200 });
    fetcher.beforeStep = (at) => (at >= 32 ? new Promise(() => {}) : undefined);
    const res = await begin(server.port, `/data/${cid}/network/stream`);
    res.resume();
    const [error] = await once(res, 'error');
    expect(error.message).toBe('aborted');
  });

  it('refuses a timeout that is none', async () => {
    const { ask } = await withRemote();
    for (const timeout of ['0', '-1', 'x', '', 'NaN']) {
      expect((await ask('GET', `/data/${UNKNOWN}/network/stream?timeout=${timeout}`)).status).toBe(400);
    }
  });

  it('refuses a manifest that contradicts the tree it names', async () => {
    const { ask, repository } = await startApi();
    const cid = formatCid(await store(repository, stream('contradiction', 4 * BLOCK)));
    const { manifest } = JSON.parse((await ask('GET', `/data/${cid}/network/manifest`)).text);
    const treeCid = parseCid(manifest.treeCid) as TreeCid;
    const lie = encodeManifest({ treeCid, blockSize: BLOCK, datasetSize: 400 * BLOCK });
    await repository.putBlock(manifestCidOf(lie), lie).catch(() => {});
    const answer = await ask('GET', `/data/${formatCid(manifestCidOf(lie))}/network/stream`);
    expect([404, 422]).toContain(answer.status);
    expect((await ask('GET', `/data/${cid}`)).status).toBe(200);
  });

  it('gives the original file of a protected manifest', async () => {
    const { ask, repository } = await startApi();
    const encoded = stream('protected', 4 * BLOCK);
    const plain = JSON.parse(
      (await ask('GET', `/data/${formatCid(await store(repository, encoded))}/network/manifest`)).text,
    );
    const manifest = encodeManifest({
      treeCid: parseCid(plain.manifest.treeCid) as TreeCid,
      blockSize: BLOCK,
      datasetSize: 4 * BLOCK,
      protection: {
        ecK: 2,
        ecM: 2,
        originalTreeCid: parseCid(plain.manifest.treeCid) as TreeCid,
        originalDatasetSize: BLOCK + 10,
        strategy: 1,
      },
    });
    const cid = formatCid(manifestCidOf(manifest));
    await repository.putBlock(parseCid(cid), manifest);
    for (const path of [`/data/${cid}`, `/data/${cid}/network/stream`]) {
      expect((await ask('GET', path)).body.equals(encoded.subarray(0, BLOCK + 10))).toBe(true);
    }
    expect((await ask('GET', `/data/${cid}/network/manifest`)).text).toContain('"protected":true,"verifiable":false');
  });
});

describe('POST /data/{cid}/network', () => {
  it('answers with the manifest and fetches afterwards', async () => {
    const { ask, cid, fetcher } = await withRemote();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    fetcher.beforeStep = () => gate;
    const answer = await ask('POST', `/data/${cid}/network`);
    expect(JSON.parse(answer.text)).toMatchObject({ cid, manifest: { datasetSize: BYTES.length } });
    expect((await ask('GET', `/data/${cid}`)).status).toBe(404);
    open();
    await eventually(async () => (await ask('GET', `/data/${cid}`)).status).toBe(200);
  });

  it('runs a few at a time, queues some, refuses the rest, and cancels all at the end', async () => {
    const repository = new MemoryRepository();
    const remote = new MemoryRepository();
    const fetcher = new RepositoryFetcher(repository, remote);
    let started = 0;
    const silent = silentFetcher();
    const api = await startApi(
      {
        repository,
        fetcher: {
          fetchBlock: (cid, options) => fetcher.fetchBlock(cid, options),
          fetchDataset: (dataset, options) => {
            started++;
            return silent.fetchDataset(dataset, options);
          },
        },
      },
      { limits: { backgroundFetches: 2, backgroundQueue: 3 } },
    );
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) {
      const cid = formatCid(await store(remote, stream(`background ${i}`, 10)));
      statuses.push((await api.ask('POST', `/data/${cid}/network`)).status);
      // The same again costs nothing.
      if (i === 0) await api.ask('POST', `/data/${cid}/network`);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 503, 503]);
    expect(started).toBe(2);
    await api.server.stop();
    expect(started).toBe(2);
  });

  it('keeps serving after a fetch has failed', async () => {
    const { ask, cid, fetcher } = await withRemote();
    let failed = false;
    fetcher.beforeStep = () => {
      if (failed) return;
      failed = true;
      throw new CodexError('BLOCK_NOT_FOUND', 'all peers left');
    };
    expect((await ask('POST', `/data/${cid}/network`)).status).toBe(200);
    await eventually(() => failed).toBe(true);
    expect((await ask('POST', `/data/${cid}/network`)).status).toBe(200);
    await eventually(async () => (await ask('GET', `/data/${cid}`)).status).toBe(200);
  });
});

async function begin(port: number, path: string): Promise<IncomingMessage> {
  const req = get({ port, path: BASE_PATH + path, agent: false });
  const [res] = await once(req, 'response');
  req.on('error', () => {});
  return res;
}
