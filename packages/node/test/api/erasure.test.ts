import { once } from 'node:events';
import { request } from 'node:http';
import { InlineCompute } from '@codex/compute';
import {
  type Cid,
  type Dataset,
  datasetRef,
  decodeManifest,
  encodeManifest,
  formatCid,
  type LeafRange,
  type Manifest,
  type ManifestCid,
  manifestCidOf,
  parseCid,
  type TreeCid,
} from '@codex/content';
import { GroupMemory, protectDataset } from '@codex/erasure';
import type { LeafOffers } from '@codex/exchange';
import { type Clock, CodexError, seededRandom, systemClock } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { BASE_PATH } from '../../src/api/index.ts';
import { CodingProgressLine, DataItem } from '../../src/api/schemas.ts';
import { datasetOf, eventually, startApi, store } from './harness.ts';

const BLOCK = 1024;
/** What waits a second in a node waits for a fiftieth of it here. */
const HURRY = 50;
const hurried: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * HURRY,
  schedule: (ms, run) => systemClock.schedule(ms / HURRY, run),
  sleep: (ms, options) => systemClock.sleep(ms / HURRY, options),
};

const UNKNOWN = 'zDvZRwzm1ePSzKSXt57D5YxHwcSDmsCyYN65wW4HT7fuX9HrzFXy';

interface Made {
  readonly repository: MemoryRepository;
  readonly content: Buffer;
  readonly cid: ManifestCid;
  readonly manifest: Manifest;
  readonly dataset: Dataset;
  readonly steps: number;
}

/** A file that is protected in a repository which has all of it. */
async function makeProtected(init: { size: number; data: number; parity: number }): Promise<Made> {
  const { size, data, parity } = init;
  const repository = new MemoryRepository();
  const content = Buffer.from(seededRandom(size).bytes(size));
  const writer = repository.createDataset({ blockSize: BLOCK });
  await writer.append(content);
  const plain = await writer.finish(({ treeCid, datasetSize }) => ({
    ...{ treeCid, datasetSize, blockSize: BLOCK },
    ...{ filename: 'film.mp4', mimetype: 'video/mp4' },
  }));
  const components = { repository, compute: new InlineCompute(), memory: new GroupMemory() };
  const cid = await protectDataset(components, { manifest: plain, data, parity });
  const manifest = decodeManifest((await repository.getBlock(cid))!);
  const dataset = await repository.openDataset(datasetRef(manifest));
  return { repository, content, cid, manifest, dataset, steps: dataset.ref.leafCount / (data + parity) };
}

async function copyLeaves(from: Dataset, to: Dataset, range: LeafRange): Promise<void> {
  await to.learn(await from.prove(range));
  for await (const batch of from.read(range)) {
    await to.putLeaves(batch.start, batch.blocks);
    batch.release();
  }
}

function* runs({ start, count }: LeafRange, passes: (leaf: number) => boolean): Generator<LeafRange> {
  for (let leaf = start; leaf < start + count; leaf++) {
    let end = leaf;
    while (end < start + count && passes(end)) end++;
    if (end > leaf) yield { start: leaf, count: end - leaf };
    leaf = end;
  }
}

function allHeld(dataset: Dataset, start: number, count: number): boolean {
  for (const _ of dataset.missing({ start, count })) return false;
  return true;
}

/** A network with one peer, which has some leaves: it behaves like the exchange, which waits for what nobody has. */
class OnePeer {
  readonly #made: Made;
  readonly #local: MemoryRepository;
  isLost: (leaf: number) => boolean = () => false;
  tellsAll = true;
  /** Nobody has anything. */
  silent = false;
  readonly asked = new Set<number>();
  waiting = 0;

  constructor(made: Made, local: MemoryRepository) {
    this.#made = made;
    this.#local = local;
  }

  async fetchBlock(cid: Cid): Promise<Uint8Array> {
    const bytes = (await this.#local.getBlock(cid)) ?? (await this.#made.repository.getBlock(cid));
    if (!bytes) throw new CodexError('BLOCK_NOT_FOUND', 'Nobody has the block');
    await this.#local.putBlock(cid, bytes);
    return bytes;
  }

  async fetchDataset(
    dataset: Dataset,
    { ranges, signal }: { signal?: AbortSignal | undefined; ranges?: readonly LeafRange[] } = {},
  ): Promise<void> {
    let inVain = false;
    for (const { start, count } of ranges ?? [{ start: 0, count: dataset.ref.leafCount }]) {
      for (let at = start; at < start + count; at += 16) {
        await new Promise((resolve) => setImmediate(resolve));
        signal?.throwIfAborted();
        const batch = { start: at, count: Math.min(16, start + count - at) };
        const wanted = [...runs(batch, (leaf) => !dataset.has(leaf))];
        for (const run of wanted) for (let i = 0; i < run.count; i++) this.asked.add(run.start + i);
        const isHere = (leaf: number) => !dataset.has(leaf) && !this.silent && !this.isLost(leaf);
        for (const run of [...runs(batch, isHere)]) await copyLeaves(this.#made.dataset, dataset, run);
        inVain ||= wanted.some(({ start: from, count: n }) => !allHeld(dataset, from, n));
      }
    }
    if (!inVain) return;
    this.waiting++;
    try {
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    } finally {
      this.waiting--;
    }
  }

  offers(_treeCid: TreeCid): LeafOffers | undefined {
    return this.silent ? undefined : { has: (leaf) => !this.isLost(leaf), isAll: this.tellsAll };
  }
}

/** An API that has the manifest, the leaves that `has` tells, and one peer. */
async function withPeer(made: Made, has: (leaf: number) => boolean = () => false) {
  const repository = new MemoryRepository();
  const bytes = encodeManifest(made.manifest);
  await repository.putBlock(manifestCidOf(bytes), bytes);
  const dataset = await repository.openDataset(made.dataset.ref);
  const { leafCount } = made.dataset.ref;
  for (const range of runs({ start: 0, count: leafCount }, has)) await copyLeaves(made.dataset, dataset, range);
  const peer = new OnePeer(made, repository);
  const api = await startApi({ repository, fetcher: peer, clock: hurried }, { fetchTimeoutMs: 100_000 });
  return { ...api, peer, dataset, path: `/data/${formatCid(made.cid)}` };
}

const json = (value: unknown) => ({ body: JSON.stringify(value) });

describe('downloading a protected dataset', () => {
  it('that is whole gives the original bytes under the name of the file, and asks for no parity or padding', async () => {
    const made = await makeProtected({ size: 301 * BLOCK + 7, data: 4, parity: 2 });
    const { ask, peer, path } = await withPeer(made);
    const head = await ask('HEAD', `${path}/network/stream`);
    expect([head.status, head.headers['content-length']]).toEqual([200, String(made.content.length)]);
    expect(peer.asked.size).toBe(0);
    expect((await ask('GET', path)).status).toBe(404);
    const answer = await ask('GET', `${path}/network/stream`);
    expect([answer.status, answer.headers['content-type'], answer.headers['content-disposition']]).toEqual([
      200,
      'video/mp4',
      'attachment; filename="film.mp4"',
    ]);
    expect(answer.body.equals(made.content)).toBe(true);
    expect([...peer.asked].sort((a, b) => a - b)).toEqual(Array.from({ length: 302 }, (_, i) => i));
    expect((await ask('GET', path)).body.equals(made.content)).toBe(true);
  });

  it('restores what no peer has, whatever rows are lost', async () => {
    const made = await makeProtected({ size: 301 * BLOCK + 7, data: 4, parity: 2 });
    for (const rows of [[0, 1], [2, 3], [1], [0, 4], [3, 5]]) {
      const { ask, peer, path, repository } = await withPeer(made);
      peer.tellsAll = rows.length > 1;
      peer.isLost = (leaf) => rows.includes(Math.floor(leaf / made.steps));
      const answer = await ask('GET', `${path}/network/stream`);
      expect(answer.status).toBe(200);
      expect(answer.body.equals(made.content), `rows ${rows}`).toBe(true);
      await eventually(() => peer.waiting).toBe(0);
      // All of it is here now, proved by its own root.
      expect((await ask('GET', path)).body.equals(made.content)).toBe(true);
      const { treeCid } = decodeManifest((await repository.getBlock(made.cid))!);
      expect((await repository.findDataset(treeCid))!.has(rows[0]! * made.steps)).toBe(true);
    }
  });

  it('restores no more than the range that is asked for', async () => {
    const made = await makeProtected({ size: 1200 * BLOCK, data: 4, parity: 2 });
    const { ask, peer, path } = await withPeer(made);
    peer.isLost = (leaf) => leaf >= made.steps && leaf < 2 * made.steps;
    const start = (made.steps + 100) * BLOCK + 5;
    const headers = { range: `bytes=${start}-${start + 10 * BLOCK - 1}` };
    const answer = await ask('GET', `${path}/network/stream`, { headers });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(made.content.subarray(start, start + 10 * BLOCK))).toBe(true);
    for (const leaf of peer.asked) {
      expect(leaf % made.steps).toBeGreaterThanOrEqual(100);
      expect(leaf % made.steps).toBeLessThanOrEqual(110);
    }
    // One row of parity was enough.
    expect([...peer.asked].some((leaf) => leaf >= 5 * made.steps)).toBe(false);
  });

  it('gives any range of what is here in part, without asking anybody', async () => {
    const made = await makeProtected({ size: 200 * BLOCK + 100, data: 5, parity: 3 });
    const random = seededRandom(7);
    const lost = Array.from({ length: made.steps }, () => new Set([random.int(8), random.int(8), random.int(8)]));
    const here = (leaf: number) => !lost[leaf % made.steps]!.has(Math.floor(leaf / made.steps));
    const { ask, peer, path } = await withPeer(made, here);
    peer.silent = true;
    const edge = fc.integer({ min: 0, max: made.content.length - 1 });
    await fc.assert(
      fc.asyncProperty(edge, edge, fc.boolean(), async (a, b, local) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const headers = { range: `bytes=${start}-${end}` };
        const answer = await ask('GET', `${path}${local ? '' : '/network/stream'}`, { headers });
        expect(answer.status).toBe(206);
        expect(answer.body.equals(made.content.subarray(start, end + 1))).toBe(true);
      }),
      { numRuns: 20 },
    );
    expect((await ask('GET', path)).body.equals(made.content)).toBe(true);
  });

  it('answers 404 when a column lost too much: locally at once, from the network when nobody shows up', async () => {
    const made = await makeProtected({ size: 100 * BLOCK, data: 4, parity: 2 });
    const column = 3;
    const lost = (leaf: number) => leaf % made.steps === column && leaf < 3 * made.steps;
    const { ask, peer, path } = await withPeer(made, (leaf) => !lost(leaf));
    expect(await ask('GET', path)).toMatchObject({
      status: 404,
      text: 'The requested CID could not be retrieved (Block not found in local store).',
    });
    peer.isLost = lost;
    const headers = { range: `bytes=${column * BLOCK}-${(column + 1) * BLOCK}` };
    expect(await ask('GET', `${path}/network/stream`, { headers })).toMatchObject({
      status: 404,
      text: 'The requested CID could not be retrieved (Column 3 cannot be restored: 3 rows are left, 4 are needed).',
    });
    // What does not need that column is there.
    expect((await ask('GET', path, { headers: { range: `bytes=0-${column * BLOCK - 1}` } })).status).toBe(206);
  });

  it('cuts the body at a column that lost too much', async () => {
    const made = await makeProtected({ size: 2000 * BLOCK, data: 2, parity: 1 });
    const { server, peer, path } = await withPeer(made);
    peer.isLost = (leaf) => leaf % made.steps === 900;
    const req = request({ port: server.port, path: `${BASE_PATH}${path}/network/stream`, agent: false }).end();
    const [res] = await once(req, 'response');
    let received = 0;
    res.on('data', (piece: Buffer) => {
      received += piece.length;
    });
    const [error] = await once(res, 'error');
    expect(error.message).toBe('aborted');
    expect(received).toBeLessThanOrEqual(900 * BLOCK);
    await eventually(() => peer.waiting).toBe(0);
  });

  it('waits for whoever shows up while nobody has anything, until the time is over', async () => {
    const made = await makeProtected({ size: 50 * BLOCK, data: 4, parity: 2 });
    const { ask, peer, path } = await withPeer(made);
    peer.silent = true;
    const answer = await ask('GET', `${path}/network/stream?timeout=20`);
    expect(answer.status).toBe(504);
    await eventually(() => peer.waiting).toBe(0);
  });

  it('ends its work when the client goes away, and serves the next one', async () => {
    const made = await makeProtected({ size: 1200 * BLOCK, data: 4, parity: 2 });
    const { ask, server, peer, path } = await withPeer(made);
    peer.isLost = (leaf) => leaf < made.steps;
    for (let i = 0; i < 3; i++) {
      const req = request({ port: server.port, path: `${BASE_PATH}${path}/network/stream`, agent: false }).end();
      const [res] = await once(req, 'response');
      await once(res, 'readable');
      res.destroy();
    }
    await eventually(() => peer.waiting).toBe(0);
    const both = await Promise.all([1, 2].map(() => ask('GET', `${path}/network/stream`)));
    for (const answer of both) expect(answer.body.equals(made.content)).toBe(true);
  });

  it('gives slow clients what they take, one read at a time', async () => {
    const made = await makeProtected({ size: 12_000 * BLOCK, data: 4, parity: 2 });
    const { server, path, ask } = await withPeer(made, (leaf) => leaf >= 2 * made.steps);
    const slow = await Promise.all(
      [1, 2].map(async () => {
        const req = request({ port: server.port, path: `${BASE_PATH}${path}`, agent: false }).end();
        const [res] = await once(req, 'response');
        return res;
      }),
    );
    // The sockets are full now, and both readers were suspended.
    expect((await ask('GET', path)).body.equals(made.content)).toBe(true);
    for (const res of slow) {
      const pieces: Buffer[] = [];
      for await (const piece of res) {
        pieces.push(piece);
        if (pieces.length % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      expect(Buffer.concat(pieces).equals(made.content)).toBe(true);
    }
  });

  it('in the background brings data rows and what must be restored', async () => {
    const made = await makeProtected({ size: 301 * BLOCK, data: 4, parity: 2 });
    const { ask, peer, path } = await withPeer(made);
    peer.isLost = (leaf) => leaf >= made.steps && leaf < 2 * made.steps;
    const answer = await ask('POST', `${path}/network`);
    expect(JSON.parse(answer.text)).toMatchObject({ cid: formatCid(made.cid), manifest: { protected: true } });
    await eventually(async () => (await ask('GET', path)).status).toBe(200);
    expect((await ask('GET', path)).body.equals(made.content)).toBe(true);
    expect([...peer.asked].some((leaf) => leaf >= 5 * made.steps)).toBe(false);
  });

  it('refuses a foreign manifest of the strategy that nobody can restore', async () => {
    const made = await makeProtected({ size: 100 * BLOCK, data: 4, parity: 2 });
    const { ask, repository } = await withPeer(made);
    const lie = { ...made.manifest, protection: { ...made.manifest.protection!, strategy: 0 as const } };
    const bytes = encodeManifest(lie);
    const cid = manifestCidOf(bytes);
    await repository.putBlock(cid, bytes);
    for (const [method, route] of [
      ['GET', ''],
      ['GET', '/network/stream'],
      ['POST', '/network'],
      ['POST', '/repair'],
    ] as const) {
      const answer = await ask(method, `/data/${formatCid(cid)}${route}`);
      expect([answer.status, answer.text], `${method} ${route}`).toEqual([
        422,
        'Only the stepped strategy is understood',
      ]);
    }
  });

  it('does not give the last bytes of a file whose maker lied about parity', async () => {
    const honest = await makeProtected({ size: 104 * BLOCK, data: 4, parity: 2 });
    // The tree that the parity restores is another one than the manifest says.
    const other = await makeProtected({ size: 105 * BLOCK, data: 4, parity: 2 });
    const protection = { ...honest.manifest.protection!, originalTreeCid: other.manifest.treeCid };
    const manifest = { ...honest.manifest, protection };
    const made = { ...honest, manifest, cid: manifestCidOf(encodeManifest(manifest)) };
    const { server, path, repository } = await withPeer(made, (leaf) => leaf >= honest.steps);
    const before = repository.usage();
    const req = request({ port: server.port, path: `${BASE_PATH}${path}`, agent: false }).end();
    const [res] = await once(req, 'response');
    let received = 0;
    res.on('data', (piece: Buffer) => {
      received += piece.length;
    });
    await once(res, 'error');
    expect(received).toBeLessThan(made.content.length);
    await eventually(() => repository.usage()).toEqual(before);
  });
});

describe('POST /data/{cid}/protect', () => {
  const upload = async (blocks: number) => {
    const api = await startApi({ clock: hurried });
    const content = Buffer.from(seededRandom(blocks).bytes(blocks * 65536 - 10));
    const cid = formatCid(await store(api.repository, content, { filename: 'a.bin' }));
    return { ...api, content, cid };
  };

  it('gives the protected manifest, which downloads as the same file, and the same one again', async () => {
    const { ask, cid, content } = await upload(7);
    const answer = await ask('POST', `/data/${cid}/protect`, json({ data: 3, parity: '2' }));
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
    const item = JSON.parse(answer.text);
    expect([...Value.Errors(DataItem, item)]).toEqual([]);
    expect(item.manifest).toMatchObject({ protected: true, filename: 'a.bin', datasetSize: 15 * 65536 });
    expect((await ask('GET', `/data/${item.cid}`)).body.equals(content)).toBe(true);
    expect((await ask('POST', `/data/${cid}/protect`, json({ data: 3, parity: 2 }))).text).toBe(answer.text);
    const list = JSON.parse((await ask('GET', '/data')).text).content as { cid: string }[];
    expect(list.map((entry) => entry.cid).sort()).toEqual([cid, item.cid].sort());
  });

  it('does for two clients at once what it does for one', async () => {
    const { ask, cid } = await upload(7);
    const answers = await Promise.all(
      [1, 2, 3].map(() => ask('POST', `/data/${cid}/protect`, json({ data: 2, parity: 1 }))),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]!.status).toBe(200);
  });

  it('matches the recorded end-to-end vectors', async () => {
    const { ask, repository } = await startApi();
    const file = Buffer.from(Array.from({ length: 131_172 }, (_, k) => (7 * k + 13 * (k >> 8) + 5) & 255));
    const cid = formatCid(await store(repository, file));
    expect(cid).toBe('zDvZRwzkwBGr39ChB1kV312sAWcgC3em1HJLHGBiv7eDYJHeL6pi');
    for (const [data, parity, expected] of [
      [2, 1, 'zDvZRwzm1mR1FBPdAGtrMFtj4Vq6bv5vtW7fiYwFzCcRNCeMm7pW'],
      [2, 2, 'zDvZRwzkxb1jmwdvMeDHfPzrVJLEU32WpZNAQ4FSEimGGHYJFcUC'],
      [3, 2, 'zDvZRwzkx5GJY137SY7mji94fp93hAP3cuU9n9gVBHokLgCZbJTV'],
    ] as const) {
      const answer = await ask('POST', `/data/${cid}/protect`, json({ data, parity }));
      expect(JSON.parse(answer.text).cid).toBe(expected);
    }
  });

  it('tells how far it is when lines are accepted', async () => {
    const { ask, cid } = await upload(7);
    const headers = { accept: 'application/x-ndjson' };
    const answer = await ask('POST', `/data/${cid}/protect`, { headers, ...json({ data: 2, parity: 1 }) });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    const lines = answer.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([...Value.Errors(DataItem, lines.pop())]).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect([...Value.Errors(CodingProgressLine, line)]).toEqual([]);
    const refused = await ask('POST', `/data/${cid}/protect`, { headers, ...json({ data: 8, parity: 1 }) });
    expect(refused.status).toBe(422);
  });

  it('refuses what cannot be, with a reason', async () => {
    const { ask, cid, repository } = await upload(7);
    const made = JSON.parse((await ask('POST', `/data/${cid}/protect`, json({ data: 2, parity: 1 }))).text).cid;
    const block = (await (await datasetOf(repository, parseCid(cid))).digests({ start: 0, count: 1 })).length;
    expect(block).toBe(32);
    const cases: [string, unknown, number, RegExp][] = [
      [cid, { data: 8, parity: 1 }, 422, /^Dataset too small for erasure parameters, need at least 524288 bytes$/],
      [cid, { data: 2, parity: 3 }, 422, /./],
      [cid, { data: 40_000, parity: 30_000 }, 422, /./],
      [cid, { data: 2, parity: 0 }, 422, /^parity must be greater than zero$/],
      [cid, { parity: 1 }, 422, /^data must be greater than zero$/],
      [cid, { data: -2, parity: 1 }, 400, /^data must be a whole number$/],
      [cid, { data: 2.5, parity: 1 }, 400, /./],
      [cid, [1], 400, /^The body is no JSON object$/],
      [cid, { data: 2, parity: 1, more: 'x'.repeat(20_000) }, 413, /./],
      [made, { data: 2, parity: 1 }, 422, /^The dataset is protected already$/],
      [UNKNOWN, { data: 2, parity: 1 }, 404, /not found in local store/],
      ['zDxWB8ED98hxJ51XwYaoQAwMdskCcmTaPR6Ce2wq88bjvjXRYuR9', { data: 2, parity: 1 }, 404, /^Unable to decode/],
      ['nonsense', { data: 2, parity: 1 }, 400, /^Incorrect Cid$/],
    ];
    for (const [target, body, status, text] of cases) {
      const answer = await ask('POST', `/data/${target}/protect`, json(body));
      expect([answer.status, answer.text], JSON.stringify(body).slice(0, 80)).toEqual([
        status,
        expect.stringMatching(text),
      ]);
    }
    expect((await ask('POST', `/data/${cid}/protect`, { body: '{' })).status).toBe(400);
    expect((await ask('POST', `/data/${cid}/protect`)).status).toBe(400);
  });

  it('answers 409 for a dataset that is not whole here, and 507 when the quota does not do; nothing is left', async () => {
    const repository = new MemoryRepository({}, { quotaBytes: 9 * 65_600 });
    const { ask } = await startApi({ repository });
    const cid = formatCid(await store(repository, seededRandom(1).bytes(7 * 65_536)));
    const before = repository.usage();
    expect((await ask('POST', `/data/${cid}/protect`, json({ data: 4, parity: 2 }))).status).toBe(507);
    expect(repository.usage()).toEqual(before);
    const other = new MemoryRepository();
    const foreign = formatCid(await store(other, seededRandom(2).bytes(65_536)));
    await repository.putBlock(parseCid(foreign), (await other.getBlock(parseCid(foreign)))!);
    expect((await ask('POST', `/data/${foreign}/protect`, json({ data: 1, parity: 1 }))).status).toBe(409);
  });

  it('ends with its only client, and answers 503 when too many wait', async () => {
    const inline = new InlineCompute();
    const { open, gate } = withGate();
    let jobs = 0;
    const compute: InlineCompute = Object.assign(Object.create(InlineCompute.prototype), {
      run: async (...args: Parameters<InlineCompute['run']>) => {
        jobs++;
        await gate;
        return inline.run(...args);
      },
    });
    const api = await startApi({ compute }, { limits: { codings: 1, codingQueue: 1 } });
    const cids: string[] = [];
    for (const seed of [1, 2, 3]) {
      cids.push(formatCid(await store(api.repository, seededRandom(seed).bytes(3 * 65_536))));
    }
    const before = api.repository.usage();
    const begin = (cid: string) => {
      const path = `${BASE_PATH}/data/${cid}/protect`;
      const req = request({ port: api.server.port, path, method: 'POST', agent: false });
      req.on('error', () => {});
      req.end(JSON.stringify({ data: 2, parity: 1 }));
      return req;
    };
    const first = begin(cids[0]!);
    await eventually(() => jobs).toBe(1);
    // One of them waits in the queue, the other finds it full.
    const others = [begin(cids[1]!), begin(cids[2]!)];
    const [res] = await Promise.race(others.map((req) => once(req, 'response')));
    expect(res.statusCode).toBe(503);
    for (const req of [first, ...others]) req.destroy();
    open();
    await eventually(
      async () => (await api.ask('POST', `/data/${cids[2]}/protect`, json({ data: 2, parity: 1 }))).status,
    ).toBe(200);
    expect(api.repository.usage().totalBlocks).toBe(before.totalBlocks + 3);
  });
});

function withGate() {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  return { gate, open };
}

describe('POST /data/{cid}/repair', () => {
  it('makes a dataset whole, from what is here and what peers have', async () => {
    const made = await makeProtected({ size: 301 * BLOCK + 7, data: 4, parity: 2 });
    const lost = (leaf: number) => [1, 4].includes(Math.floor(leaf / made.steps));
    for (const here of [(leaf: number) => !lost(leaf), () => false]) {
      const { ask, peer, path, dataset } = await withPeer(made, here);
      peer.isLost = lost;
      const headers = { accept: 'application/x-ndjson' };
      const answer = await ask('POST', `${path}/repair`, { headers });
      const lines = answer.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(lines.at(-1)).toMatchObject({ cid: formatCid(made.cid) });
      expect(dataset.heldCount).toBe(made.dataset.ref.leafCount);
      expect((await ask('GET', path)).body.equals(made.content)).toBe(true);
      expect((await ask('POST', `${path}/repair`)).status).toBe(200);
    }
  });

  it('and downloads go on side by side', async () => {
    const made = await makeProtected({ size: 1000 * BLOCK, data: 4, parity: 2 });
    const { ask, peer, path } = await withPeer(made);
    peer.isLost = (leaf) => leaf < 2 * made.steps;
    const [repaired, ...downloads] = await Promise.all([
      ask('POST', `${path}/repair`),
      ask('GET', `${path}/network/stream`),
      ask('GET', `${path}/network/stream`),
    ]);
    expect(repaired.status).toBe(200);
    for (const { body } of downloads) expect(body.equals(made.content)).toBe(true);
  });

  it('says that too much is lost in a line when it began already', async () => {
    const made = await makeProtected({ size: 2400 * BLOCK, data: 2, parity: 1 });
    const lost = (leaf: number) => leaf % made.steps === made.steps - 1 && leaf < 2 * made.steps;
    const { ask, peer, path } = await withPeer(made, (leaf) => leaf >= made.steps && !lost(leaf));
    peer.isLost = lost;
    const answer = await ask('POST', `${path}/repair`, { headers: { accept: 'application/x-ndjson' } });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text.trimEnd().split('\n').at(-1)!)).toMatchObject({
      error: { status: 404, code: 'ERASURE_TOO_MANY_LOSSES' },
    });
  });

  it('answers 404 when too much is lost, and 422 for a plain file', async () => {
    const made = await makeProtected({ size: 100 * BLOCK, data: 4, parity: 2 });
    const { ask, peer, path, repository } = await withPeer(made);
    peer.isLost = (leaf) => leaf % made.steps === 20 && leaf < 3 * made.steps;
    expect(await ask('POST', `${path}/repair`)).toMatchObject({
      status: 404,
      text: expect.stringContaining('Column 20 cannot be restored: 1 rows are left, 4 are needed'),
    });
    const cid = formatCid(await store(repository, Buffer.alloc(10, 1)));
    expect(await ask('POST', `/data/${cid}/repair`)).toMatchObject({
      status: 422,
      text: 'The dataset is not protected',
    });
    expect((await ask('POST', `/data/${UNKNOWN}/repair`)).status).toBe(404);
  });
});
