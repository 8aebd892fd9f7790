import { setTimeout as sleep } from 'node:timers/promises';
import { Discovery, Identity, NodeId, SignedRecord, UdpDatagrams } from '@codex/discovery';
import { systemRandom } from '@codex/runtime';
import type { BenchContext, Claim, Row } from '../src/claim.ts';
import { median } from '../src/contest.ts';
import { startNodes } from '../src/nodes.ts';
import { processorMs, residentMiB } from '../src/process-usage.ts';

const PEERS = 100;
/** Joining and what follows it is over by then. */
const SETTLE_MS = 30_000;
const WATCH_MS = 60_000;
const QUICK_SETTLE_MS = 5_000;
const QUICK_WATCH_MS = 10_000;

/** One percent of a core. */
const PROCESSOR_MS_MAX = 600;
/** What an idle node may take alone, and 8 MiB for what it remembers of the others. */
const IDLE_MIB_MAX = Math.floor(120e6 / 2 ** 20) + 8;
/** A walk asks the 16 nearest, and whoever it meets on its way to them. */
const REQUESTS_MAX = 32;

const claim: Claim = {
  name: 'dht-idle',
  question: 'What does a node cost that has nothing to do but to be one of a hundred in the DHT?',
  sizeBytes: 1,
  async run(context): Promise<Row[]> {
    const alone: Usage[] = [];
    const among: Usage[] = [];
    const requests: number[] = [];
    for (let round = 0; round <= context.rounds; round++) {
      await using network = await startNodes(context, 1, [], false);
      const [node] = network.nodes;
      if (!node) throw new Error('No node was started');
      const before = await watch(context, node.pid);
      const peers = await startPeers(node.spr);
      let after: Usage;
      try {
        after = await watch(context, node.pid);
        const known = peers.filter((peer) => peer.table().some(({ record, seen }) => seen && record.uri === node.spr));
        const mean = await requestsOfWalks(peers);
        context.note(
          `${round === 0 ? 'warm-up' : `round ${round}`}: ${after.processorMs.toFixed(0)} ms a minute (alone ${before.processorMs.toFixed(0)}), ` +
            `${after.mib.toFixed(0)} MiB (alone ${before.mib.toFixed(0)}), ${mean.toFixed(1)} requests, known to ${known.length} of ${PEERS}`,
        );
        if (round > 0) {
          alone.push(before);
          among.push(after);
          requests.push(mean);
        }
      } finally {
        await Promise.all(peers.map((peer) => peer.stop()));
      }
    }
    const rival = (of: (usage: Usage) => number) => ({ name: 'the same alone', value: median(alone.map(of)) });
    const cost = (usage: Usage) => usage.processorMs;
    const memory = (usage: Usage) => usage.mib;
    return [
      {
        what: 'processor time, a minute',
        unit: 'ms',
        ours: median(among.map(cost)),
        rival: rival(cost),
        target: { kind: 'value', atMost: PROCESSOR_MS_MAX },
      },
      {
        what: 'idle memory',
        unit: 'MiB',
        ours: median(among.map(memory)),
        rival: rival(memory),
        target: { kind: 'value', atMost: IDLE_MIB_MAX },
      },
      {
        what: 'requests of a walk',
        unit: '',
        ours: median(requests),
        target: { kind: 'value', atMost: REQUESTS_MAX },
      },
    ];
  },
};

interface Usage {
  /** Of all threads, within a minute. */
  readonly processorMs: number;
  readonly mib: number;
}

async function watch({ quick, signal }: BenchContext, pid: number): Promise<Usage> {
  const watchMs = quick ? QUICK_WATCH_MS : WATCH_MS;
  await sleep(quick ? QUICK_SETTLE_MS : SETTLE_MS, undefined, { signal });
  const before = processorMs(pid);
  await sleep(watchMs, undefined, { signal });
  return { processorMs: ((processorMs(pid) - before) * 60_000) / watchMs, mib: residentMiB(pid) };
}

/** One after the other: all at once are slow in one process, and slow nodes are walked around. */
async function requestsOfWalks(peers: readonly Discovery[]): Promise<number> {
  let requests = 0;
  for (const peer of peers) requests += (await peer.lookup(someId())).requests;
  return requests / peers.length;
}

/** Light nodes in this process, over real sockets: they answer, ask and age as others do. */
async function startPeers(spr: string): Promise<Discovery[]> {
  const bootstrap = [SignedRecord.parse(spr)];
  const peers = Array.from(
    { length: PEERS },
    () =>
      new Discovery(
        { identity: Identity.generate(), datagrams: new UdpDatagrams() },
        { listen: { ip: '127.0.0.1', port: 0 }, bootstrap },
      ),
  );
  await Promise.all(peers.map((peer) => peer.start()));
  await Promise.all(peers.map((peer) => peer.joined));
  return peers;
}

const someId = () => new NodeId(systemRandom.bytes(32));

export default claim;
