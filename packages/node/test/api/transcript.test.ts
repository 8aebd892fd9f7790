import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CodexError } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { describe, expect, it } from 'vitest';
import type { ApiComponents } from '../../src/api/index.ts';
import { type Answer, EMPTY_NODE, RepositoryFetcher, type Started, startApi, stream } from './harness.ts';

interface Recorded {
  readonly label: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly status: number;
  readonly responseHeaders: Record<string, string>;
  readonly response?: string;
  readonly responseSha256?: string;
}

const file = new URL('vectors/rest_transcript.json', import.meta.url);
/** Produced by running nim-codex, commit bd360322. */
const recorded = (JSON.parse(readFileSync(file, 'utf8')) as { requests: Recorded[] }).requests;

const byLabel = (label: string) => recorded.find((exchange) => exchange.label === label)!;

interface Deviation {
  readonly why: string;
  readonly status?: number;
  readonly text?: string;
  /** Headers that differ; undefined = not compared. */
  readonly headers?: Record<string, string | undefined>;
  /** The body is not compared. */
  readonly anyBody?: boolean;
}

/** 68 bytes of manifest for the upload with a charset, 11 for the unquoted name; a failed upload leaves nothing. */
const SPACE_WHY = 'two uploads that the reference refuses or reads otherwise are kept; a failed upload leaves nothing';

const PATH_WHY = 'the recorder put <data-dir> in the place of a longer path';

/** Where this API answers otherwise than the reference, and why. Everything else must be equal. */
const DEVIATIONS: Record<string, Deviation> = {
  'upload mime with charset': {
    why: 'parameters of a MIME type are stripped, not refused',
    status: 200,
    anyBody: true,
    headers: { 'Content-Type': 'text/plain', 'Content-Length': '52' },
  },
  'upload unquoted filename': { why: 'an unquoted filename is read, so the manifest differs', anyBody: true },
  'upload empty': { why: 'an empty body is the fault of the client: 422 instead of 500', status: 422 },
  'upload over quota': {
    why: 'quota failures are 507 instead of 500',
    status: 507,
    anyBody: true,
    headers: { 'Content-Length': undefined },
  },
  'download with range': {
    why: 'ranges are served',
    status: 206,
    text: stream('rest-1', 10).toString('latin1'),
    headers: { 'Content-Length': '10' },
  },
  head: { why: 'HEAD is served on downloads', status: 200, headers: { 'Content-Length': '100000' } },
  'node/peerid': {
    why: 'alias of /peerid, because codex-js asks there',
    status: 200,
    text: byLabel('peerid').response!,
    headers: { 'Content-Length': '62' },
  },
  'b: local with manifest only': {
    why: 'the local route is strictly local: missing blocks are not fetched',
    status: 404,
    text: 'The requested CID could not be retrieved (Block not found in local store).',
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': '74', 'Content-Disposition': undefined },
  },
  'debug info': { why: PATH_WHY, headers: { 'Content-Length': undefined } },
  'b: debug info': { why: PATH_WHY, headers: { 'Content-Length': undefined } },
  space: { why: SPACE_WHY, text: usage(13, 459_165), headers: { 'Content-Length': '89' } },
  'get with origin': { why: SPACE_WHY, text: usage(13, 459_165), headers: { 'Content-Length': '89' } },
  'space after quota failure': { why: SPACE_WHY, text: usage(13, 459_165), headers: { 'Content-Length': '89' } },
  'space after delete': { why: SPACE_WHY, text: usage(10, 328_012), headers: { 'Content-Length': '89' } },
  list: { why: `the order is not defined; ${SPACE_WHY}`, anyBody: true, headers: { 'Content-Length': undefined } },
  'list after quota failure': { why: 'as above', anyBody: true, headers: { 'Content-Length': undefined } },
};

/** Headers that no client can rely on, or that RFC 9110 forbids where the reference sends them (length of a 204). */
const NOT_COMPARED = new Set(['Connection']);

function usage(totalBlocks: number, quotaUsedBytes: number): string {
  return JSON.stringify({ totalBlocks, quotaMaxBytes: 3_000_000, quotaUsedBytes, quotaReservedBytes: 0 });
}

/** The node of a recorded /debug/info. */
function recordedNode(text: string): Pick<ApiComponents, 'node' | 'network' | 'logLevels'> {
  const info = JSON.parse(text) as {
    id: string;
    addrs: string[];
    repo: string;
    spr: string;
    announceAddresses: string[];
    table: { localNode: { nodeId: string; record: string; address: string } };
    codex: { version: string; revision: string; contracts: string };
  };
  return {
    node: {
      ...EMPTY_NODE,
      peerId: info.id,
      repoPath: info.repo,
      spr: () => info.spr,
      record: () => info.table.localNode.record,
      announceAddrs: () => info.announceAddresses,
      nodeId: () => info.table.localNode.nodeId,
      discoveryAddress: () => info.table.localNode.address,
      ...info.codex,
    },
    network: {
      listenAddrs: () => info.addrs,
      // What PeerNetwork promises; the real one is dialled in node-routes.test.ts.
      connect: async (peer, [address]) => {
        if (!peer.startsWith('16Uiu2')) throw new CodexError('PEER_ID_INVALID', 'no peer id');
        if (!address?.startsWith('/ip4/')) throw new CodexError('ADDRESS_INVALID', 'no multiaddr');
        if (address.endsWith('/tcp/1')) throw new CodexError('DIAL_FAILED', 'refused');
      },
    },
    logLevels: {
      set: (spec) => {
        if (spec === 'loud') throw new CodexError('LOG_LEVEL_INVALID', 'no such level');
      },
    },
  };
}

function bodyOf({ body }: Recorded): Buffer | undefined {
  if (body === null) return undefined;
  const match = /^stream\('([^']+)',(\d+)\)$/.exec(body);
  return match ? stream(match[1]!, Number(match[2])) : Buffer.from(body);
}

function check(exchange: Recorded, answer: Answer): void {
  const deviation = DEVIATIONS[exchange.label];
  expect(answer.status).toBe(deviation?.status ?? exchange.status);
  if (deviation?.text !== undefined) {
    expect(answer.body.toString('latin1')).toBe(deviation.text);
  } else if (!deviation?.anyBody && exchange.responseSha256) {
    expect(createHash('sha256').update(answer.body).digest('hex')).toBe(exchange.responseSha256);
  } else if (!deviation?.anyBody) {
    expect(answer.text).toBe(exchange.response);
  }
  for (const [name, value] of Object.entries({ ...exchange.responseHeaders, ...deviation?.headers })) {
    const forbidden = name === 'Content-Length' && answer.status === 204;
    if (value === undefined || forbidden || NOT_COMPARED.has(name)) continue;
    expect(`${name}: ${answer.headers[name.toLowerCase()]}`).toBe(`${name}: ${value}`);
  }
}

describe('the recorded exchanges with the reference node', () => {
  it('are answered alike', { timeout: 30_000 }, async () => {
    const a = await startApi(
      {
        ...recordedNode(byLabel('debug info').response!),
        repository: new MemoryRepository({}, { quotaBytes: 3_000_000 }),
      },
      { corsOrigin: '*' },
    );
    const repository = new MemoryRepository();
    const b = await startApi(
      {
        ...recordedNode(byLabel('b: debug info').response!),
        repository,
        fetcher: new RepositoryFetcher(repository, a.repository),
      },
      { corsOrigin: '*' },
    );
    const mismatches: string[] = [];
    for (const exchange of recorded) {
      const node: Started = exchange.label.startsWith('b:') || exchange.label === 'connect ok' ? b : a;
      const body = bodyOf(exchange);
      const answer = await node.ask(exchange.method, exchange.path, {
        headers: exchange.headers,
        ...(body && { body }),
      });
      try {
        check(exchange, answer);
      } catch (error) {
        mismatches.push(`${exchange.label}: ${(error as Error).message}`);
      }
    }
    expect(mismatches).toEqual([]);
    expect(recorded.length).toBe(82);
    const labels = recorded.map((exchange) => exchange.label);
    expect(Object.keys(DEVIATIONS).filter((label) => !labels.includes(label))).toEqual([]);
  });
});

describe('the list of the recorded node', () => {
  it('is the same apart from order and the two other uploads', async () => {
    const { ask } = await startApi();
    for (const exchange of recorded.slice(0, 12)) {
      const body = bodyOf(exchange);
      if (exchange.method === 'POST')
        await ask('POST', exchange.path, { headers: exchange.headers, ...(body && { body }) });
    }
    type Entry = { manifest: { filename: string | null; mimetype: string | null; datasetSize: number } };
    const content = (text: string) => (JSON.parse(text) as { content: Entry[] }).content;
    const other = ({ manifest }: Entry) =>
      manifest.datasetSize !== 11 && !(manifest.datasetSize === 10 && manifest.mimetype === 'text/plain');
    const ours = content((await ask('GET', '/data')).text).filter(other);
    const theirs = content(byLabel('list').response!).filter(other);
    const sorted = (entries: Entry[]) => entries.map((entry) => JSON.stringify(entry)).sort();
    expect(sorted(ours)).toEqual(sorted(theirs));
    expect(theirs.length).toBe(4);
  });
});
