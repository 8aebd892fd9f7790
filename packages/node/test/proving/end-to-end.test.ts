import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuiltSlots, ProofFile, ProofVerdict, ProvingProgressLine, SlotsProgressLine } from '../../src/api/schemas.ts';
import { CodexNode } from '../../src/index.ts';
import { pattern, testConfig } from '../node/fixture.ts';

/** Of the checkout: a circuit and its key are made once for all runs. */
const CACHE = fileURLToPath(new URL('../../../../.cache', import.meta.url));

/** One sample: the smallest circuit proves the same. */
const SAMPLES = 1;
const DATA = 3;
const PARITY = 2;
const CHALLENGE = 'c0ffee'.padEnd(64, '1');

const running: CodexNode[] = [];

async function startNode(...options: string[]): Promise<CodexNode> {
  const node = await CodexNode.create(
    await testConfig(`--circuit-dir=${CACHE}`, `--proof-samples=${SAMPLES}`, ...options),
    { discovery: false },
  );
  running.push(node);
  await node.start();
  return node;
}

const ask = (node: CodexNode, method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
  fetch(`${node.apiUrl}/api/codex/v1${path}`, { method, headers, ...(body !== undefined && { body }) });

async function post<T>(node: CodexNode, path: string, body: object = {}): Promise<T> {
  const response = await ask(node, 'POST', path, JSON.stringify(body));
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text) as T;
}

async function refused(node: CodexNode, path: string, body: object = {}): Promise<string> {
  const response = await ask(node, 'POST', path, JSON.stringify(body));
  return `${response.status} ${await response.text()}`;
}

interface Slots {
  readonly cid: string;
  readonly slotRoots: string[];
  readonly verifyRoot: string;
}

interface File {
  readonly manifestCid: string;
  readonly slotIndex: number;
  readonly proof: { pi_a: string[]; pi_b: string[][]; pi_c: string[] };
  readonly publicSignals: string[];
  readonly zkeyHash: string;
  readonly insecureKey: boolean;
}

let alice: CodexNode;
let bob: CodexNode;
let protectedCid: string;
let slots: Slots;

const provePath = (slot: number, cid = slots.cid) => `/data/${cid}/slots/${slot}/prove`;

beforeAll(async () => {
  alice = await startNode('--proving-keys=development');
  bob = await startNode('--proving-keys=development');
  await bob.network.connect(alice.peerId, alice.network.listenAddrs());
  const bytes = Uint8Array.from(pattern(700_000, 11));
  const uploaded = await fetch(`${alice.apiUrl}/api/codex/v1/data`, { method: 'POST', body: bytes });
  const plain = await uploaded.text();
  const made = await post<{ cid: string }>(alice, `/data/${plain}/protect`, { data: DATA, parity: PARITY });
  protectedCid = made.cid;
  slots = await post<Slots>(alice, `/data/${protectedCid}/slots`);
}, 60_000);

afterAll(async () => {
  await Promise.all(running.map((node) => node.stop()));
});

describe('slots', () => {
  it('have roots, and a verifiable dataset of their own that is listed', async () => {
    expect([...Value.Errors(BuiltSlots, slots)]).toEqual([]);
    expect(slots.slotRoots).toHaveLength(DATA + PARITY);
    expect(new Set(slots.slotRoots).size).toBe(DATA + PARITY);
    const { content } = (await (await ask(alice, 'GET', '/data')).json()) as {
      content: { cid: string; manifest: object }[];
    };
    const listed = content.find(({ cid }) => cid === slots.cid);
    expect(listed?.manifest).toMatchObject({ protected: true, verifiable: true });
    // The same again finds the trees.
    const again = await ask(alice, 'POST', `/data/${protectedCid}/slots`, '', { accept: 'application/x-ndjson' });
    const lines = (await again.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines.pop()).toEqual(slots);
    for (const line of lines) expect([...Value.Errors(SlotsProgressLine, line)]).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
  });

  it('are refused where they cannot be', async () => {
    expect(await refused(bob, `/data/${protectedCid}/slots`)).toMatch(/^404 /);
    expect(await refused(alice, '/data/nonsense/slots')).toBe('400 Incorrect Cid');
    const body = { challenge: CHALLENGE };
    expect(await refused(alice, provePath(0, protectedCid), body)).toMatch(/^422 .*build them first/);
    expect(await refused(alice, provePath(DATA + PARITY), body)).toMatch(/^422 There is no slot 5 among 5/);
    expect(await refused(alice, provePath(256), body)).toMatch(/^400 The slot/);
    expect(await refused(alice, provePath(0), { challenge: 'ab' })).toMatch(/^400 challenge/);
    expect(await refused(alice, provePath(0), { challenge: CHALLENGE, samples: 128 })).toMatch(/^422 /);
    expect(await refused(alice, provePath(0), { challenge: CHALLENGE, inputOnly: 1 })).toMatch(/^400 inputOnly/);
  });
});

describe('a proof', () => {
  let file: File;
  beforeAll(async () => {
    file = await post<File>(alice, provePath(3), { challenge: CHALLENGE });
  }, 180_000);

  it('says what it is about, and is right for whoever has the key', async () => {
    expect([...Value.Errors(ProofFile, file)]).toEqual([]);
    expect(file).toMatchObject({
      ...{ manifestCid: slots.cid, slotIndex: 3, slotRoot: slots.slotRoots[3], verifyRoot: slots.verifyRoot },
      ...{ challenge: `0x${CHALLENGE}`, samples: SAMPLES, insecureKey: true },
    });
    const { zkeyHash } = file;
    const verdict = await post<object>(alice, '/proofs/verify', file);
    expect([...Value.Errors(ProofVerdict, verdict)]).toEqual([]);
    expect(verdict).toEqual({ valid: true, reason: null, manifestChecked: true, zkeyHash, insecureKey: true });
    expect(await post(bob, '/proofs/verify', file)).toEqual({ ...verdict, manifestChecked: false });
  });

  it('is not right when anything in it is changed', async () => {
    const { proof, publicSignals } = file;
    const [x = '', y = ''] = proof.pi_a;
    const [other] = slots.slotRoots;
    const changes: [string, object, RegExp][] = [
      ['a point', { proof: { ...proof, pi_a: [y, x, '1'] } }, /does not verify/],
      ['another point', { proof: { ...proof, pi_c: proof.pi_a } }, /does not verify/],
      ['no proof', { proof: {} }, /does not verify/],
      ['a signal', { publicSignals: [String(BigInt(publicSignals[0]!) + 1n), ...publicSignals.slice(1)] }, /signals/],
      ['the challenge', { challenge: `0x${'00'.repeat(32)}` }, /signals/],
      ['the slot', { slotIndex: 2, slotRoot: slots.slotRoots[2] }, /signals/],
      ['the slot alone', { slotIndex: 2 }, /roots/],
      ['the root of the slot', { slotRoot: other }, /roots/],
      ['the root of the dataset', { verifyRoot: other }, /roots/],
      ['the manifest', { manifestCid: protectedCid }, /manifest/],
      ['the key', { zkeyHash: '00'.repeat(32) }, /another proving key/],
      ['the worth of the key', { insecureKey: false }, /secure/],
    ];
    for (const [what, change, reason] of changes) {
      const verdict = await post(alice, '/proofs/verify', { ...file, ...change });
      expect(verdict, what).toMatchObject({ valid: false, reason: expect.stringMatching(reason) });
    }
    // Who does not have the manifest sees at least what the proof itself says.
    expect(await post(bob, '/proofs/verify', { ...file, verifyRoot: other })).toMatchObject({ valid: false });
    expect(await refused(alice, '/proofs/verify', { ...file, samples: '1' })).toMatch(
      /^400 This is no proof file: samp/,
    );
    expect(await refused(alice, '/proofs/verify', {})).toMatch(/^400 This is no proof file/);
  });

  it('tells how far it is', async () => {
    const headers = { accept: 'application/x-ndjson' };
    const body = JSON.stringify({ challenge: CHALLENGE });
    const text = await (await ask(alice, 'POST', provePath(0), body, headers)).text();
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { phase?: string; slotIndex?: number });
    expect(lines.pop()).toMatchObject({ slotIndex: 0 });
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect([...Value.Errors(ProvingProgressLine, line)]).toEqual([]);
  });

  it('ends with the client that asked for it; others get theirs, one after the other', async () => {
    const abort = new AbortController();
    const url = `${alice.apiUrl}/api/codex/v1${provePath(0)}`;
    const headers = { accept: 'application/x-ndjson' };
    const body = JSON.stringify({ challenge: CHALLENGE });
    const gone = await fetch(url, { method: 'POST', headers, body, signal: abort.signal });
    const rest = gone.text().catch(() => 'cut');
    const others = [0, 2, 4].map((slot) => post<File>(alice, provePath(slot), { challenge: CHALLENGE }));
    abort.abort();
    expect(await rest).toBe('cut');
    expect((await Promise.all(others)).map(({ slotIndex }) => slotIndex)).toEqual([0, 2, 4]);
    const metrics = await alice.metrics.text();
    expect(metrics).toMatch(/codex_proofs_failed_total\{code="CANCELLED"\} 1/);
    expect(metrics).toMatch(/codex_proof_queue_length 0/);
  }, 60_000);

  it('can be asked for as the inputs of the circuit only', async () => {
    const input = await post<Record<string, unknown>>(alice, provePath(3), { challenge: CHALLENGE, inputOnly: true });
    expect(Object.keys(input).sort()).toEqual(
      ['cellData', 'dataSetRoot', 'entropy', 'merklePaths', 'nCellsPerSlot', 'nSlotsPerDataSet']
        .concat('slotIndex', 'slotProof', 'slotRoot')
        .sort(),
    );
    expect([input.entropy, input.dataSetRoot, String(input.slotIndex)]).toEqual(file.publicSignals);
  });

  it('is made by another node that fetched the dataset', async () => {
    const body = { challenge: CHALLENGE };
    expect(await refused(bob, provePath(0), body)).toMatch(/^404 /);
    await post(bob, `/data/${slots.cid}/network`);
    await expect
      .poll(async () => (await ask(bob, 'POST', provePath(1), JSON.stringify(body))).status, { timeout: 60_000 })
      .toBe(200);
    const theirs = await post<File>(bob, provePath(1), body);
    expect(await post(alice, '/proofs/verify', theirs)).toMatchObject({ valid: true, manifestChecked: true });
    // Data rows only were fetched.
    expect(await refused(bob, provePath(DATA), body)).toMatch(/^404 /);
  }, 90_000);

  it('is not made too late, and not without a key', async () => {
    const body = { challenge: CHALLENGE };
    expect(await refused(alice, `${provePath(0)}?timeout=0.001`, body)).toMatch(/^504 The deadline/);
    const hint = /^503 Proving circuit files are not found\. Put .* for 3 samples into .*3, or name them/;
    const carol = await startNode('--proving-keys=none');
    expect(await refused(carol, '/proofs/verify', { ...file, samples: 3 })).toMatch(hint);
    const strict = await startNode(
      `--circom-zkey=${await developmentFile('zkey')}`,
      `--circom-wasm=${await developmentFile('wasm')}`,
      `--proving-key-hash=${'ab'.repeat(32)}`,
    );
    expect(await refused(strict, '/proofs/verify', file)).toMatch(/^503 .*is another key/);
  }, 90_000);

  it('takes no more memory than it may, and reads from the key what does not fit', async () => {
    const body = { challenge: CHALLENGE };
    const frugal = await startNode('--proof-memory=1MiB', '--proving-keys=development');
    await frugal.network.connect(alice.peerId, alice.network.listenAddrs());
    await post(frugal, `/data/${slots.cid}/network`);
    const refusal = () => refused(frugal, provePath(0), body);
    await expect.poll(refusal, { timeout: 30_000 }).toMatch(/^503 A proof takes \d+ MiB, of 1 MiB/);
    const neededMib = Number(/takes (\d+) MiB/.exec(await refusal())?.[1]);
    running.splice(running.indexOf(frugal), 1);
    await frugal.stop();
    const config = { ...frugal.config, proofMemory: (neededMib + 1) * 2 ** 20 };
    const again = await CodexNode.create(config, { discovery: false });
    running.push(again);
    await again.start();
    expect(await post(alice, '/proofs/verify', await post(again, provePath(0), body))).toMatchObject({ valid: true });
  }, 90_000);
});

/** Of the circuit and key in the cache. */
async function developmentFile(suffix: string): Promise<string> {
  const directory = join(CACHE, 'development');
  const names = await readdir(directory, { recursive: true });
  const found = names.filter((name) => name.endsWith(`.${suffix}`)).map((name) => join(directory, name));
  return found[0]!;
}

describe('trees of slots', () => {
  const trees = async (node: CodexNode) =>
    (await readdir(join(node.config.dataDir, 'slots')).catch(() => [])).filter((name) => name.endsWith('.slot')).length;

  it('are kept over a restart and deleted with the last dataset that has them', async () => {
    expect(await trees(alice)).toBe(DATA + PARITY);
    const { config } = alice;
    running.splice(running.indexOf(alice), 1);
    await alice.stop();
    alice = await CodexNode.create(config, { discovery: false });
    running.push(alice);
    await alice.start();
    expect((await post<File>(alice, provePath(2), { challenge: CHALLENGE })).slotIndex).toBe(2);
    expect(await trees(alice)).toBe(DATA + PARITY);

    expect((await ask(alice, 'DELETE', `/data/${slots.cid}`)).status).toBe(204);
    await expect.poll(() => trees(alice), { timeout: 10_000 }).toBe(0);
    await access(join(config.dataDir, 'slots'));
    // The protected dataset is as it was.
    expect(await post(alice, `/data/${protectedCid}/slots`)).toEqual(slots);
  }, 60_000);
});
