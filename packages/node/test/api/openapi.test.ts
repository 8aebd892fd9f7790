import { formatCid } from '@codex/content';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import {
  DataItem,
  DataList,
  DebugInfo,
  Exists,
  OPERATIONS,
  PeerId,
  PeerRecord,
  Space,
  Spr,
} from '../../src/api/schemas.ts';
import { EMPTY_NODE, startApi, store, stream } from './harness.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
}

describe('GET /openapi.json', () => {
  it('describes every route once, with its answers', async () => {
    const { ask } = await startApi();
    const answer = await ask('GET', '/openapi.json');
    expect(answer.headers['content-type']).toBe('application/json');
    const document = JSON.parse(answer.text) as Document;
    expect(document.openapi).toBe('3.0.3');
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(operations.map((operation) => operation.operationId).sort()).toEqual(Object.keys(OPERATIONS).sort());
    for (const { operationId, responses } of operations) {
      expect(Object.keys(responses), operationId).toEqual(Object.keys(OPERATIONS[operationId]!.answers));
    }
    expect(document.paths['/data/{cid}/network/stream']?.get?.operationId).toBe('downloadNetworkStream');
    expect((await ask('GET', '/openapi.json')).text).toBe(answer.text);
  });

  it('says the truth about the bodies', async () => {
    const { ask, repository } = await startApi({
      node: { ...EMPTY_NODE, spr: () => 'spr:abc' },
      peers: { find: async () => ({ seq: 1, addresses: ['/ip4/192.0.2.1/udp/8090'], dialable: [] }) },
    });
    const cid = formatCid(await store(repository, stream('openapi', 10), { filename: 'a.txt' }));
    const bodies: [string, string, TSchema][] = [
      ['GET', '/data', DataList],
      ['GET', '/space', Space],
      ['GET', `/data/${cid}/exists`, Exists],
      ['GET', `/data/${cid}/network/manifest`, DataItem],
      ['POST', `/data/${cid}/network`, DataItem],
      ['GET', '/spr', Spr],
      ['GET', '/peerid', PeerId],
      ['GET', '/debug/info', DebugInfo],
      ['GET', '/debug/peer/16Uiu2', PeerRecord],
    ];
    for (const [method, path, schema] of bodies) {
      const { text } = await ask(method, path);
      expect([...Value.Errors(schema, JSON.parse(text))], `${method} ${path}: ${text}`).toEqual([]);
    }
  });
});
