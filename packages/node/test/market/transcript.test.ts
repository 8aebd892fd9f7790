import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CodexNode } from '../../src/index.ts';
import { stream } from '../api/harness.ts';
import { generatedSection } from '../docs.ts';
import { testConfig } from '../node/fixture.ts';
import { call, MarketNet } from './support/market-net.ts';
import {
  BEFORE_HOSTS,
  comparable,
  DEVIATIONS,
  describeAnswer,
  deviates,
  expected,
  Ids,
  idIn,
  misshapen,
  RECORDED,
  shapeOf,
  WITH_HOSTS,
} from './support/recording.ts';

const BODIES: Readonly<Record<string, object | string>> = {
  upload: stream('market-1', 1_048_576),
  'upload small': stream('market-2', 1000),
  'availability bad json': '{"totalSize":',
};

describe('the recorded life of a request', () => {
  it.each(RECORDED.filter(({ status, response }) => status < 300 && /^[[{]/.test(response)))(
    'answers of the reference have the shapes of our document: $label',
    (exchange) => {
      if (!shapeOf(exchange)) expect(exchange.path).toBe('/space');
      expect(misshapen(exchange, exchange.response)).toEqual([]);
    },
  );

  it('is replayed as a whole: here, and with hosts in transcript.soak.ts', () => {
    expect(BEFORE_HOSTS.length + WITH_HOSTS.length).toBe(93);
    for (const { labels } of DEVIATIONS) expect(RECORDED.some(({ label }) => labels.test(label))).toBe(true);
  });

  it('and where our answers differ is in docs/marketplace.md', () => {
    const rows = DEVIATIONS.map(({ labels, theirs, ours }) => {
      const requests = RECORDED.filter(({ label }) => labels.test(label)).map(({ label }) => label);
      return `| ${[...new Set(requests)].join(', ')} | ${theirs} | ${ours} |`;
    });
    const table = `\n| recorded requests | the reference | here |\n|---|---|---|\n${rows.join('\n')}\n\n`;
    expect(generatedSection('marketplace.md', 'answers that differ', table)).toBe(table);
  });
});

describe('our answers to the same requests', () => {
  let net: MarketNet;
  let node: CodexNode;
  const ids = new Ids();

  beforeAll(async () => {
    net = await MarketNet.start();
    node = await net.node(1, '--storage-quota=100000000');
  }, 60_000);
  afterAll(() => net.stop());

  it('have the same status, text and shape', async () => {
    // One node plays client and first host.
    for (const exchange of BEFORE_HOSTS) {
      const { label, method, path, body, status, response } = exchange;
      const answer = await call(node, method, ids.translate(path), BODIES[label] ?? body ?? undefined);
      expect(answer.status, describeAnswer(exchange, answer)).toBe(status);
      if (label.startsWith('upload')) {
        // The same bytes have the same name.
        expect(answer.text).toBe(response);
      } else if (label === 'request') {
        expect(answer.text).toMatch(/^[0-9a-f]{64}$/);
        ids.learn(response, answer.text);
      } else {
        expect(misshapen(exchange, answer.text), describeAnswer(exchange, answer)).toEqual([]);
        if (status === 201) ids.learn(idIn(response)!, idIn(answer.text)!);
        if (!deviates(exchange)) expect(comparable(exchange, answer.text), label).toEqual(expected(exchange, ids));
      }
    }
    expect(ids.size).toBe(4);
  }, 60_000);

  it('are all refused without files of a circuit in the words that scripts wait for', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'codex-market-'));
    const log = join(directory, 'log');
    const options = [...(await net.options(2)), 'prover', '--proving-keys=none', `--circuit-dir=${directory}`];
    const host = await CodexNode.create(await testConfig(...options, `--log-file=${log}`), { discovery: false });
    net.nodes.push(host);
    await host.start();
    const logged = () => readFile(log, 'utf8');
    await expect.poll(logged, { timeout: 30_000 }).toContain('Proving circuit files are not found.');
  }, 60_000);
});
