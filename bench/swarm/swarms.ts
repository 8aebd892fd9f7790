import { join } from 'node:path';
import type { BenchContext } from '../src/claim.ts';
import type { Content } from '../src/content.ts';
import { fetchInto, send, upload } from '../src/http-client.ts';
import { METRICS_ARGS, metricsUrl, readMetric, routes, startNodes } from '../src/nodes.ts';
import { processorMs } from '../src/process-usage.ts';
import { RivalProcess } from '../src/rival-process.ts';
import { installWebTorrent } from './webtorrent/load.ts';

/** What one round of a swarm took. */
export interface SwarmFigures {
  /** From the start of all until the last has all of it. */
  readonly ms: number;
  /** Of all processes, for the whole round. */
  readonly 'CPU ms': number;
  /** Copies of the file that the first holder sent. */
  readonly 'copies by the seeder': number;
  /** Copies of the file that the leecher which gave least sent to others. */
  readonly 'copies by the least giver': number;
  /** Received beyond one copy each, %. */
  readonly '% twice': number;
}

/** One seeder and its leechers, each a process, of which any number fetches at one time. */
export interface Swarm {
  readonly name: string;
  /** Lets the first `leechers` fetch the file from nothing, all at once; what they got is deleted afterwards. */
  fetch(leechers: number): Promise<SwarmFigures>;
  stop(): Promise<void>;
}

const METRIC = 'codex_block_exchange_';
/** Asked of every node while it fetches: seldom enough to cost nothing. */
export const POLL_MS = 100;

export async function codexSwarm(context: BenchContext, content: Content, leechersMax: number): Promise<Swarm> {
  const network = await startNodes(context, 1 + leechersMax, METRICS_ARGS);
  const nodes = network.nodes;
  const pids = nodes.map(({ pid }) => pid);
  const urls = nodes.map(metricsUrl);
  const { body: cid } = await upload(routes.upload(nodes[0]!), content);
  const read = (name: string) => Promise.all(urls.map((url) => readMetric(url, METRIC + name)));
  return {
    name: 'codex',
    async fetch(leechers) {
      const who = nodes.slice(1, 1 + leechers);
      const before = { sent: await read('bytes_sent_total'), received: await read('bytes_received_total') };
      const processor = processorMs(...pids);
      const began = performance.now();
      await Promise.all(
        who.map((node) =>
          fetchInto({ fetch: routes.fetch(node, cid), local: routes.local(node, cid) }, content.size, POLL_MS),
        ),
      );
      const ms = performance.now() - began;
      const cpu = processorMs(...pids) - processor;
      const copies = (now: readonly number[], then: readonly number[]) =>
        now.map((value, i) => (value - then[i]!) / content.size);
      const sent = copies(await read('bytes_sent_total'), before.sent);
      const received = copies(await read('bytes_received_total'), before.received).slice(1, 1 + leechers);
      for (const node of who) await send('DELETE', routes.local(node, cid));
      return figures(ms, cpu, sent[0]!, sent.slice(1, 1 + leechers), received);
    },
    stop: () => network.stop(),
  };
}

interface Fetched {
  readonly bytes: number;
  readonly length: number;
  readonly uploaded: number;
}

export async function webTorrentSwarm(
  context: BenchContext,
  file: string,
  size: number,
  leechersMax: number,
): Promise<Swarm> {
  installWebTorrent();
  const module = new URL('./rival-webtorrent.ts', import.meta.url);
  const seeder = new RivalProcess(module, ['seed', file]);
  const { torrent, peer: seed } = await seeder.next<{ torrent: string; peer: string }>();
  const leeches = Array.from(
    { length: leechersMax },
    (_, i) => new RivalProcess(module, ['leech', join(context.directory, `webtorrent-${i}`)]),
  );
  const peers: string[] = [];
  for (const leech of leeches) peers.push((await leech.next<{ peer: string }>()).peer);
  const pids = [seeder.pid, ...leeches.map(({ pid }) => pid)];
  return {
    name: 'WebTorrent',
    async fetch(leechers) {
      const who = leeches.slice(0, leechers);
      await Promise.all(who.map((leech) => leech.ask({ torrent })));
      const processor = processorMs(...pids);
      const began = performance.now();
      const fetched = await Promise.all(
        who.map((leech, i) => leech.ask<Fetched>({ go: true, peers: [seed, ...peers.slice(0, i)] })),
      );
      const ms = performance.now() - began;
      const cpu = processorMs(...pids) - processor;
      await Promise.all(who.map((leech) => leech.ask({ end: true })));
      for (const { length } of fetched) if (length !== size) throw new Error(`WebTorrent fetched ${length} bytes`);
      const given = fetched.map(({ uploaded }) => uploaded / size);
      const received = fetched.map(({ bytes }) => bytes / size);
      const bySeeder =
        received.reduce((sum, copies) => sum + copies, 0) - given.reduce((sum, copies) => sum + copies, 0);
      return figures(ms, cpu, bySeeder, given, received);
    },
    async stop() {
      for (const leech of leeches) await leech.stop();
      await seeder.stop();
    },
  };
}

function figures(
  ms: number,
  cpu: number,
  bySeeder: number,
  given: readonly number[],
  received: readonly number[],
): SwarmFigures {
  const mean = received.reduce((sum, copies) => sum + copies, 0) / received.length;
  return {
    ms,
    'CPU ms': cpu,
    'copies by the seeder': bySeeder,
    'copies by the least giver': Math.min(...given),
    // Headers and proofs are no blocks that came twice: those are at most 2 ‰ of what is received.
    '% twice': Math.max(0, (mean - 1) * 100),
  };
}
