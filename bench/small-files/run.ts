import { Agent, request } from 'node:http';
import type { NetworkNode } from '@codex/devnet';
import type { Claim, Row } from '../src/claim.ts';
import { download } from '../src/http-client.ts';
import { routes, startNodes } from '../src/nodes.ts';
import { residentMiB } from '../src/process-usage.ts';

const FILES = 100_000;
const FILES_QUICK = 3_000;
const FILE_BYTES = 1_024;
const SAMPLE = 1_000;
/** As many as a browser and a backup program would keep open together. */
const CONNECTIONS = 16;

/** Stores `count` files, numbered from `first`; resolves to files per second. */
async function store(url: string, first: number, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const began = performance.now();
  let next = first;
  const worker = async () => {
    while (next < first + count) {
      const body = Buffer.alloc(FILE_BYTES, `file ${next++} `);
      await new Promise<void>((resolve, reject) => {
        const req = request(url, { method: 'POST', agent, headers: { 'Content-Length': body.length } }, (response) => {
          response.resume();
          response.once('end', () =>
            response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`)),
          );
        });
        req.once('error', reject);
        req.end(body);
      });
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  agent.destroy();
  return count / ((performance.now() - began) / 1000);
}

/** Bytes that one entry of the list takes, about: how many there are follows from the length of the list. */
const ENTRY_BYTES = 229;

/** How fast the list comes, and how long a node takes that is stopped and started. The best of three each. */
async function listAndRestart(network: Awaited<ReturnType<typeof startNodes>>, node: NetworkNode) {
  let entriesPerSecond = 0;
  let restartMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    // Restarts keep the port.
    const listing = await download(routes.upload(node));
    entriesPerSecond = Math.max(entriesPerSecond, listing.bytes / ENTRY_BYTES / (listing.ms / 1000));
    await node.stop();
    const began = performance.now();
    await network.restart(node);
    restartMs = Math.min(restartMs, performance.now() - began);
  }
  return { entriesPerSecond, restartMs };
}

const claim: Claim = {
  name: 'small-files',
  question: 'Does a node stay quick when it holds a hundred thousand small files?',
  sizeBytes: FILE_BYTES,
  async run(context): Promise<Row[]> {
    const files = context.quick ? FILES_QUICK : FILES;
    await using network = await startNodes(context, 1);
    const node = network.nodes[0]!;
    const url = routes.upload(node);
    await store(url, 1e9, SAMPLE / 2);
    const first = await store(url, 0, SAMPLE);
    context.note(`first ${SAMPLE}: ${first.toFixed(0)} files/s`);
    const few = await listAndRestart(network, node);
    context.note(`lists ${few.entriesPerSecond.toFixed(0)} entries/s, restarts in ${few.restartMs.toFixed(0)} ms`);
    const middle = await store(url, SAMPLE, files - 2 * SAMPLE);
    context.note(`middle: ${middle.toFixed(0)} files/s`);
    const last = await store(url, files - SAMPLE, SAMPLE);
    context.note(`last ${SAMPLE}: ${last.toFixed(0)} files/s`);
    const many = await listAndRestart(network, node);
    context.note(`lists ${many.entriesPerSecond.toFixed(0)} entries/s, restarts in ${many.restartMs.toFixed(0)} ms`);
    return [
      { what: `store, ${files} files of ${FILE_BYTES} bytes`, unit: 'files/s', ours: middle },
      {
        what: `store, last ${SAMPLE} beside first ${SAMPLE}`,
        unit: 'files/s',
        ours: last,
        rival: { name: 'first', value: first },
        target: { kind: 'ratio', atLeast: 0.8 },
      },
      {
        what: `listing, with all files beside ${SAMPLE}`,
        unit: 'entries/s',
        ours: many.entriesPerSecond,
        rival: { name: 'few', value: few.entriesPerSecond },
        target: { kind: 'ratio', atLeast: 0.8 },
      },
      {
        what: `restart, with all files beside ${SAMPLE}`,
        unit: 'ms',
        ours: many.restartMs,
        rival: { name: 'few', value: few.restartMs },
        target: { kind: 'value', atMost: Math.round(1.2 * few.restartMs) },
      },
      { what: 'memory after the restart', unit: 'MiB', ours: residentMiB(node.pid) },
    ];
  },
};

export default claim;
