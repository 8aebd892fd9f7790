import { readFile } from 'node:fs/promises';
import type { TSchema } from 'typebox';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability, Purchase, Reservation, Sale, SlotList } from '../../src/api/market-schemas.ts';
import type { CodexNode } from '../../src/index.ts';
import { stream } from '../api/harness.ts';
import { call, MarketNet } from './support/market-net.ts';

interface Exchange {
  readonly label: string;
  readonly node?: string;
  readonly method: string;
  readonly path: string;
  readonly body: object | string | null;
  readonly status: number;
  readonly response: string;
}

const file = new URL('./vectors/market_rest.json', import.meta.url);
const recorded = (JSON.parse(await readFile(file, 'utf8')).rest as Exchange[]).filter(({ node }) => node !== undefined);

const BODIES: Readonly<Record<string, object | string>> = {
  upload: stream('market-1', 1_048_576),
  'upload small': stream('market-2', 1000),
  'availability bad json': '{"totalSize":',
};
/** Texts of a parser: ours says it in its own words. */
const OWN_WORDS = new Set(['availability bad json', 'request no body', 'patch bad id', 'purchase bad id']);

const SHAPES: readonly (readonly [RegExp, TSchema])[] = [
  [/^GET \/sales\/slots$/, SlotList],
  [/^GET \/sales\/slots\/0x\w+$/, Sale],
  [/^GET \/sales\/availability$/, Type.Array(Availability)],
  [/^POST \/sales\/availability$/, Availability],
  [/reservations$/, Type.Array(Reservation)],
  [/^GET \/storage\/purchases$/, Type.Array(Type.String())],
  [/^GET \/storage\/purchases\/\w+$/, Purchase],
];
const shapeOf = ({ method, path }: Exchange) => SHAPES.find(([pattern]) => pattern.test(`${method} ${path}`))?.[1];

describe('the recorded life of a request', () => {
  it.each(recorded.filter(({ status, response }) => status < 300 && /^[[{]/.test(response)))(
    'answers of the reference have the shapes of our document: $label',
    (exchange) => {
      const shape = shapeOf(exchange);
      if (shape) expect([...Value.Errors(shape, JSON.parse(exchange.response))]).toEqual([]);
      else expect(exchange.path).toBe('/space');
    },
  );
});

describe('our answers to the same requests', () => {
  let net: MarketNet;
  let node: CodexNode;
  /** Ids of the recording, and what stands for them here. */
  const ours = new Map<string, string>();
  const translated = (text: string) => [...ours].reduce((all, [theirs, id]) => all.replaceAll(theirs, id), text);
  /** Before anything needs hosts. */
  const first = recorded.slice(0, recorded.findIndex(({ label }) => label === 'purchase state submitted') + 2);

  beforeAll(async () => {
    net = await MarketNet.start();
    node = await net.node(1, '--storage-quota=100000000');
  }, 60_000);
  afterAll(() => net.stop());

  it('have the same status, text and shape', async () => {
    // One node plays all parts: only host 1's offers and the client's purchases were asked about here.
    for (const exchange of first.filter(({ node: who }) => who === 'host1' || who === 'client')) {
      const { label, method, path, body, status, response } = exchange;
      const sent = BODIES[label] ?? body ?? undefined;
      const answer = await call(node, method, translated(path), sent);
      expect(answer.status, `${label}: ${answer.text}`).toBe(status);
      if (label.startsWith('upload')) {
        ours.set(response, answer.text);
        continue;
      }
      const shape = shapeOf(exchange);
      if (status >= 400) {
        if (!OWN_WORDS.has(label)) expect(answer.text, label).toBe(response);
      } else if (label === 'request') {
        expect(answer.text).toMatch(/^[0-9a-f]{64}$/);
        ours.set(response, answer.text);
      } else if (shape) {
        expect([...Value.Errors(shape, JSON.parse(answer.text))], `${label}: ${answer.text}`).toEqual([]);
        learnIds(response, answer.text);
        expect(known(JSON.parse(answer.text)), label).toEqual(known(JSON.parse(translated(response))));
      }
    }
    expect(ours.size).toBeGreaterThan(5);
  }, 60_000);

  function learnIds(theirs: string, text: string): void {
    const id = (json: string) => (JSON.parse(json) as { id?: string }).id;
    const [old, made] = [id(theirs), id(text)];
    if (old && made) ours.set(old, made);
  }

  /** Without what cannot be the same: who asked, when, and how far it is. */
  function known(value: unknown): unknown {
    if (Array.isArray(value)) {
      return value.map(known).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    }
    const text = JSON.stringify(value, (key, item) =>
      ['client', 'nonce', 'state', 'content'].includes(key) ? '' : item,
    );
    return JSON.parse(text) as unknown;
  }
});
