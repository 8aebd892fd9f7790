import { createHash } from 'node:crypto';
import { type Random, seededRandom } from '@codex/runtime';
import { expect, it } from 'vitest';
import { type NetworkNode, startNetwork } from '../src/index.ts';
import { Ledger } from './crash-ledger.ts';
import { ask } from './http.ts';

const ROUNDS = process.env.SOAK === 'short' ? 10 : 60;
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

const MIB = 1024 * 1024;
const UPLOAD_MAX_BYTES = 20 * MIB;
const UPLOAD_LANES = 3;
/** The download of a round has to outlast the moment of the kill now and then. */
const FETCH_MIN_BYTES = 12 * MIB;
const FETCH_MAX_BYTES = 48 * MIB;
/** The kill comes within this time after work began. */
const KILL_WINDOW_MS = 600;
/** Datasets kept from round to round: bounds the time that reading them back takes. */
const KEPT_MAX = 6;
const START_MAX_MS = 3_000;

/** A download that goes on where it broke off, as a client with `Range` does it. */
class ResumingDownload {
  readonly #hash = createHash('sha256');
  readonly #node: NetworkNode;
  readonly #cid: string;
  received = 0;
  attempts = 0;

  constructor(node: NetworkNode, cid: string) {
    this.#node = node;
    this.#cid = cid;
  }

  /** Asks for the rest. Rejects when the answer breaks off; what came until then counts. */
  async attempt(length: number): Promise<void> {
    this.attempts++;
    if (this.received === length) return;
    const answer = await ask(this.#node.url, {
      path: `/data/${this.#cid}/network/stream`,
      headers: this.received > 0 ? { Range: `bytes=${this.received}-` } : {},
      onData: (piece) => {
        this.#hash.update(piece);
        this.received += piece.length;
      },
    });
    expect(answer.status).toBe(this.attempts > 1 && answer.headers['content-range'] ? 206 : 200);
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}

interface Tally {
  readonly startMs: number[];
  answered: number;
  cutUploads: number;
  cutDeletes: number;
  cutFetches: number;
  /** Bytes that clients had of downloads that were cut. */
  resumedFrom: number;
}

/** Kills `victim` while it takes uploads and while `fetcher` downloads from `source`: one of the two is the victim. */
async function round(random: Random, victim: Ledger, fetcher: Ledger, source: Ledger, tally: Tally): Promise<void> {
  const length = FETCH_MIN_BYTES + random.int(FETCH_MAX_BYTES - FETCH_MIN_BYTES);
  const { cid, content } = await source.upload(random, length);
  const download = new ResumingDownload(fetcher.node, cid);
  const other = victim === fetcher ? source : fetcher;

  const lanes = Promise.all(
    Array.from({ length: UPLOAD_LANES }, () => victim.churn(seededRandom(random.int(2 ** 32)), UPLOAD_MAX_BYTES, cid)),
  );
  const fetched = download.attempt(length).then(
    () => true,
    () => false,
  );
  await Promise.race([lanes, new Promise((resolve) => setTimeout(resolve, random.int(KILL_WINDOW_MS)))]);
  const cutAt = download.received;
  await victim.kill();
  for (const answered of await lanes) tally.answered += answered;
  tally.cutUploads += victim.begun.size;
  tally.cutDeletes += victim.leaving.size;
  if (cutAt < length) {
    tally.cutFetches++;
    tally.resumedFrom += cutAt;
  }

  tally.startMs.push(await victim.restart());
  await victim.settle(victim === fetcher ? new Set([cid]) : undefined);
  await victim.node.connectTo(other.node);

  // Where the source died, the fetcher may have gone on by itself; where the fetcher died, its client asks for the rest.
  if (!(await fetched)) await download.attempt(length);
  expect({ length: download.received, sha256: download.digest() }).toEqual({ length, sha256: content.sha256 });
  // A range fetches no more than itself: blocks that were sent but not yet durable when the fetcher died are fetched now.
  const whole = new ResumingDownload(fetcher.node, cid);
  await whole.attempt(length);
  expect(whole.digest()).toBe(content.sha256);
  fetcher.held.set(cid, content);

  for (const ledger of [victim, other]) {
    await ledger.settle();
    await ledger.expectSpace();
    for (const extra of [...ledger.held.keys()].slice(0, -KEPT_MAX)) await ledger.delete(extra);
    if (ledger.held.has(cid)) await ledger.delete(cid);
    await ledger.settle();
    await ledger.expectSpace();
  }
}

it(`loses nothing that was acknowledged in ${ROUNDS} kills (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  await using network = await startNetwork({ nodes: 2, args: ['--fetch-timeout=120s'] });
  const [a, b] = network.nodes.map((node) => new Ledger(node)) as [Ledger, Ledger];
  const tally: Tally = { startMs: [], answered: 0, cutUploads: 0, cutDeletes: 0, cutFetches: 0, resumedFrom: 0 };
  for (let number = 0; number < ROUNDS; number++) {
    // Two of three kills hit the node that downloads, the third the one that serves.
    const victim = random.int(3) === 0 ? b : a;
    await round(random, victim, a, b, tally).catch((error) => {
      throw new Error(`Round ${number} of seed ${SEED}: ${error.message}\n${victim.node.tail()}`, { cause: error });
    });
  }
  const sorted = tally.startMs.toSorted((x, y) => x - y);
  const { startMs: _, ...counts } = tally;
  const starts = { medianMs: Math.round(sorted[ROUNDS >> 1]!), maxMs: Math.round(sorted.at(-1)!) };
  console.log(JSON.stringify({ seed: SEED, kills: ROUNDS, ...counts, ...starts }));
  expect(starts.maxMs).toBeLessThan(START_MAX_MS);
  // The kills came when there was something to lose.
  expect(tally.cutUploads).toBeGreaterThan(ROUNDS);
  expect(tally.cutFetches).toBeGreaterThan(ROUNDS / 5);
});
