import { once } from 'node:events';
import { get } from 'node:http';
import { manifestCid, type StoredManifest, treeCid } from '@codex/content';
import { MemoryRepository } from '@codex/store';
import { describe, expect, it } from 'vitest';
import { BASE_PATH } from '../../src/api/index.ts';
import { eventually, startApi, store, stream } from './harness.ts';

const MANIFESTS = 100_000;

/** A repository that lists very many manifests without waiting for anything. */
class CrowdedRepository extends MemoryRepository {
  given = 0;

  override async *manifests(): AsyncGenerator<StoredManifest> {
    const tree = treeCid(new Uint8Array(32));
    const digest = Buffer.alloc(32);
    for (this.given = 0; this.given < MANIFESTS; this.given++) {
      digest.writeUInt32BE(this.given);
      const manifest = { treeCid: tree, blockSize: 65536, datasetSize: this.given + 1, filename: `${this.given}.txt` };
      yield { cid: manifestCid(digest), manifest, expiry: Number.POSITIVE_INFINITY };
    }
  }
}

describe('GET /data', () => {
  it('lists a few manifests with a length', async () => {
    const { ask, repository } = await startApi();
    expect((await ask('GET', '/data')).text).toBe('{"content":[]}');
    await store(repository, stream('a', 10), { filename: 'a "quoted" name', mimetype: 'text/plain' });
    await store(repository, stream('b', 70_000));
    const answer = await ask('GET', '/data');
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
    const { content } = JSON.parse(answer.text) as { content: { manifest: object }[] };
    expect(content.length).toBe(2);
    expect(content.map((entry) => entry.manifest)).toContainEqual(
      expect.objectContaining({ filename: 'a "quoted" name', mimetype: 'text/plain', datasetSize: 10 }),
    );
  });

  it('streams very many, and lets others run in between', { timeout: 60_000 }, async () => {
    const repository = new CrowdedRepository();
    const { ask } = await startApi({ repository });
    let turns = 0;
    let listing = true;
    const turn = () => {
      turns++;
      if (listing) setImmediate(turn);
    };
    turn();
    const answer = await ask('GET', '/data');
    listing = false;
    const { content } = JSON.parse(answer.text) as { content: { manifest: { datasetSize: number } }[] };
    expect(content.length).toBe(MANIFESTS);
    expect(content.every((entry, i) => entry.manifest.datasetSize === i + 1)).toBe(true);
    expect(turns).toBeGreaterThan(100);
  });

  it('waits for a client that does not read, and stops when it leaves', async () => {
    const repository = new CrowdedRepository();
    const { server, ask } = await startApi({ repository });
    const req = get({ port: server.port, path: `${BASE_PATH}/data`, agent: false });
    req.on('error', () => {});
    const [res] = await once(req, 'response');
    res.on('error', () => {});
    let last = -1;
    const isStill = () => {
      const before = last;
      last = repository.given;
      return before === last;
    };
    await eventually(isStill, { interval: 200, timeout: 20_000 }).toBe(true);
    expect(repository.given).toBeLessThan(MANIFESTS);
    res.destroy();
    const { given } = repository;
    expect((await ask('GET', '/space')).status).toBe(200);
    expect(repository.given).toBe(given);
  });
});
