import { Libp2pNetwork } from '@codex/exchange';
import { CodexError, type MetricsRegistry } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FoundPeer } from '../../src/api/components.ts';
import { EMPTY_NODE, startApi, store } from './harness.ts';

async function network(seed: number): Promise<Libp2pNetwork> {
  const started = await Libp2pNetwork.create({
    privateKey: new Uint8Array(32).fill(seed),
    listenAddrs: ['/ip4/127.0.0.1/tcp/0'],
    maxPeers: 10,
    agentVersion: 'test',
  });
  await started.start();
  onTestFinished(() => started.stop());
  return started;
}

describe('GET /connect', () => {
  it('connects real peers and says what went wrong otherwise', async () => {
    const [a, b] = [await network(1), await network(2)];
    const { ask } = await startApi({ network: a });
    const status = async (path: string) => {
      const { status, text } = await ask('GET', `/connect/${path}`);
      return [status, text];
    };
    const [address] = b.listenAddrs();
    expect(await status(`${b.peerId}?addrs=garbage`)).toEqual([400, 'Unable to find Peer!']);
    expect(await status(`${b.peerId}`)).toEqual([400, 'Unable to find Peer!']);
    expect(await status(`abc?addrs=${address}`)).toEqual([400, 'peerid: incorrect PeerId string']);
    expect(await status(`${b.peerId}?addrs=/ip4/127.0.0.1/tcp/1`)).toEqual([400, 'Unable to dial peer']);
    expect(await status(`${b.peerId}?addrs=${Array(33).fill(address).join('&addrs=')}`)).toEqual([
      400,
      'More than 32 addresses',
    ]);
    expect(a.peers()).toEqual([]);
    expect(await status(`${b.peerId}?addrs=/ip4/127.0.0.1/tcp/1&addrs=${address}`)).toEqual([
      200,
      'Successfully connected to peer',
    ]);
    expect(a.peers()).toEqual([b.peerId]);
    expect(await status(`${b.peerId}?addrs=${encodeURIComponent(address!)}`)).toEqual([
      200,
      'Successfully connected to peer',
    ]);
  });

  it('by id alone asks the DHT where the peer is', async () => {
    const [a, b] = [await network(1), await network(2)];
    const known = new Map<string, FoundPeer>();
    const { ask } = await startApi({ network: a, peers: { find: async (peerId) => known.get(peerId) } });
    const status = async (peer: string) => {
      const { status, text } = await ask('GET', `/connect/${peer}`);
      return [status, text];
    };
    expect(await status(b.peerId)).toEqual([400, 'Unable to find Peer!']);
    expect(await status('abc')).toEqual([400, 'peerid: incorrect PeerId string']);
    const udp = '/ip4/127.0.0.1/udp/8090';
    known.set(b.peerId, { seq: 1, addresses: [udp], dialable: [] });
    expect(await status(b.peerId), 'a record of the reference').toEqual([400, 'Unable to dial peer']);
    known.set(b.peerId, { seq: 2, addresses: [udp, ...b.listenAddrs()], dialable: b.listenAddrs() });
    expect(await status(b.peerId)).toEqual([200, 'Successfully connected to peer']);
    expect(a.peers()).toEqual([b.peerId]);
  });

  it('gives up on a dial that takes too long', async () => {
    const dialling = {
      listenAddrs: () => [],
      connect: (_peer: string, _addrs: readonly string[], options?: { signal?: AbortSignal | undefined }) =>
        new Promise<void>((_, reject) =>
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason)),
        ),
    };
    const { ask } = await startApi({ network: dialling }, { limits: { connectTimeoutMs: 20 } });
    const answer = await ask('GET', '/connect/16Uiu2?addrs=/ip4/127.0.0.1/tcp/1');
    expect([answer.status, answer.text]).toEqual([400, 'Unable to dial peer']);
  });
});

describe('GET /debug/peer', () => {
  it('shows the record that the DHT has', async () => {
    const peerId = '16Uiu2HAmLb6x8CmU6v6Mopiftir16SeBnhcat5dWwKCxbs3P8oRt';
    const found = { seq: 7, addresses: ['/ip4/192.0.2.1/udp/8090'], dialable: [] };
    const { ask } = await startApi({ peers: { find: async (id) => (id === peerId ? found : undefined) } });
    expect((await ask('GET', `/debug/peer/${peerId}`)).text).toBe(
      `{"peerId":"${peerId}","seqNo":7,"addresses":["/ip4/192.0.2.1/udp/8090"]}`,
    );
    const unknown = await ask('GET', '/debug/peer/abc');
    expect([unknown.status, unknown.text]).toEqual([400, 'Unable to find Peer!']);
    const without = await startApi();
    expect((await without.ask('GET', `/debug/peer/${peerId}`)).status).toBe(404);
  });

  it('gives up a search that takes too long', async () => {
    const find = (_id: string, { signal }: { signal?: AbortSignal | undefined } = {}) =>
      new Promise<undefined>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    const { ask } = await startApi({ peers: { find } }, { limits: { connectTimeoutMs: 20 } });
    for (const path of ['/debug/peer/abc', '/connect/abc']) {
      const answer = await ask('GET', path);
      expect([answer.status, answer.text]).toEqual([400, 'Unable to find Peer!']);
    }
  });
});

describe('GET /spr and /peerid', () => {
  it('answer 503 before the record exists, then JSON or text', async () => {
    let record: string | undefined;
    const { ask } = await startApi({ node: { ...EMPTY_NODE, spr: () => record } });
    expect((await ask('GET', '/spr')).status).toBe(503);
    expect(JSON.parse((await ask('GET', '/debug/info')).text)).toMatchObject({ spr: '' });
    record = 'spr:abc';
    expect((await ask('GET', '/spr')).text).toBe('{"spr":"spr:abc"}');
    expect((await ask('GET', '/spr', { headers: { accept: 'text/plain' } })).text).toBe('spr:abc');
    // codex-js asks for text with a Content-Type header, and relies on JSON (06 §8).
    expect((await ask('GET', '/spr', { headers: { 'content-type': 'text/plain' } })).text).toBe('{"spr":"spr:abc"}');
    expect((await ask('GET', '/node/peerid')).text).toBe(JSON.stringify({ id: EMPTY_NODE.peerId }));
  });
});

describe('GET /debug/info', () => {
  it('lists the routing table with the keys of the reference', async () => {
    const other = { seen: true, address: '1.2.3.4:8090', record: '(…)', peerId: '16Uiu2x', nodeId: 'ab' };
    const { ask } = await startApi({ node: { ...EMPTY_NODE, routingTable: () => [other] } });
    const { text } = await ask('GET', '/debug/info');
    const { table } = JSON.parse(text) as { table: { nodes: object[] } };
    expect(table.nodes).toEqual([other]);
    expect(Object.keys(table.nodes[0]!)).toEqual(['nodeId', 'peerId', 'record', 'address', 'seen']);
  });
});

describe('POST /debug/chronicles/loglevel', () => {
  it('passes the specification on as it was sent', async () => {
    const levels: string[] = [];
    const set = (spec: string) => {
      if (spec === '') throw new CodexError('LOG_LEVEL_INVALID', 'empty');
      levels.push(spec);
    };
    const { ask } = await startApi({ logLevels: { set } });
    const path = '/debug/chronicles/loglevel';
    expect((await ask('POST', `${path}?level=info;trace:codex,blockexc`)).status).toBe(200);
    expect((await ask('POST', `${path}?level=info%3Btrace%3Acodex`)).status).toBe(200);
    expect((await ask('POST', `${path}?level=`)).status).toBe(500);
    expect((await ask('POST', path)).status).toBe(400);
    expect(levels).toEqual(['info;trace:codex,blockexc', 'info;trace:codex']);
  });
});

describe('CORS', () => {
  it('is silent without an origin', async () => {
    const { ask } = await startApi();
    for (const [method, path, status] of [
      ['GET', '/space', 200],
      ['OPTIONS', '/data', 204],
      ['OPTIONS', '/space', 200],
      ['GET', '/data/x', 400],
    ] as const) {
      const answer = await ask(method, path, { headers: { origin: 'http://x' } });
      expect(answer.status).toBe(status);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  it('echoes an origin that the setting names', async () => {
    const { ask } = await startApi({}, { corsOrigin: 'localhost:5173' });
    const origin = async (sent?: string) => {
      const { headers } = await ask('GET', '/space', sent ? { headers: { origin: sent } } : {});
      return [headers['access-control-allow-origin'], headers.vary];
    };
    expect(await origin('http://localhost:5173')).toEqual(['http://localhost:5173', 'Origin']);
    expect(await origin('http://evil')).toEqual(['localhost:5173', 'Origin']);
    expect(await origin()).toEqual(['localhost:5173', 'Origin']);
  });

  it('lets browsers see errors and send what they must', async () => {
    const { ask } = await startApi({}, { corsOrigin: '*' });
    const error = await ask('POST', '/data', { headers: { origin: 'http://x', 'content-type': 'bad' }, body: 'x' });
    expect([error.status, error.headers['access-control-allow-origin']]).toEqual([422, '*']);
    const preflight = async (path: string) => {
      const { status, headers } = await ask('OPTIONS', path, { headers: { origin: 'http://x' } });
      return [status, headers['access-control-allow-methods'], headers['access-control-allow-headers']];
    };
    expect(await preflight('/data')).toEqual([204, 'POST, OPTIONS', 'content-type, content-disposition']);
    expect(await preflight('/sales/availability/0x1')).toEqual([204, 'PATCH, OPTIONS', 'content-type']);
    // GET is the preview of a price, and a browser may buy only once, too.
    const [, methods, headers] = await preflight('/storage/request/x');
    expect([methods, headers]).toEqual(['POST,GET, OPTIONS', expect.stringContaining('idempotency-key')]);
    expect((await ask('OPTIONS', '/nope')).status).toBe(404);
  });
});

describe('metrics', () => {
  it('count uploads, downloads and requests', async () => {
    const values = new Map<string, number>();
    const metric = ({ name }: { name: string }) => ({
      inc: (by = 1, labels: Readonly<Record<string, string>> = {}) => {
        const key = [name, ...Object.values(labels)].join(' ');
        values.set(key, (values.get(key) ?? 0) + by);
      },
      set: () => {},
      observe: () => {},
    });
    const metrics: MetricsRegistry = { counter: metric, gauge: metric, histogram: metric };
    const { ask } = await startApi({ metrics });
    const { text: cid } = await ask('POST', '/data', { body: 'hello' });
    await ask('POST', '/data', { headers: { 'content-type': 'bad' }, body: 'hello' });
    await ask('GET', `/data/${cid}`);
    await ask('GET', `/data/${cid}/network/stream`);
    await ask('HEAD', `/data/${cid}`);
    await ask('GET', '/nope');
    await ask('GET', '/%zz');
    expect(Object.fromEntries(values)).toMatchObject({
      codex_api_uploads: 1,
      codex_api_downloads: 2,
      presto_server_processed_request_count: 5,
      presto_server_missing_requests_count: 1,
      presto_server_invalid_requests_count: 1,
      'presto_server_response_status_count POST /data 200': 1,
      'presto_server_response_status_count POST /data 422': 1,
    });
  });
});

describe('GET /data/{cid}/exists, DELETE /data/{cid}, GET /space', () => {
  it('has the documented shape only when asked', async () => {
    const { ask } = await startApi();
    const { text: cid } = await ask('POST', '/data', { body: 'hello' });
    expect((await ask('GET', `/data/${cid}/exists`)).text).toBe(`{"${cid}":true}`);
    expect((await ask('GET', `/data/${cid}/exists?shape=has`)).text).toBe(`{"${cid}":true,"has":true}`);
    expect((await ask('DELETE', `/data/${cid}`)).status).toBe(204);
    expect((await ask('GET', `/data/${cid}/exists`)).text).toBe(`{"${cid}":false}`);
    expect((await ask('DELETE', `/data/${cid}`)).status).toBe(204);
    expect(JSON.parse((await ask('GET', '/space')).text)).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
  });

  it('refuses to delete a block of a file', async () => {
    const repository = new MemoryRepository();
    const { ask } = await startApi({ repository });
    const contents = 'some file contents';
    await store(repository, Buffer.from(contents));
    const answer = await ask('DELETE', '/data/zDxWB8ED98hxJ51XwYaoQAwMdskCcmTaPR6Ce2wq88bjvjXRYuR9');
    expect(answer.status).toBe(409);
    expect(repository.usage().totalBlocks).toBe(2);
  });
});
