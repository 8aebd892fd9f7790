import type { BenchContext } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { fetchInto, send, upload } from '../src/http-client.ts';
import { METRICS_ARGS, routes, startNodes } from '../src/nodes.ts';
import { processorMs } from '../src/process-usage.ts';
import { POLL_MS } from './swarms.ts';

/** Pairs of a holder and a leecher that know nothing of the other pairs, all at work at the same time. */
export interface Pairs {
  /** Processor time that each copy took, ms. */
  fetch(): Promise<{ readonly 'CPU ms a copy': number }>;
  stop(): Promise<void>;
}

/**
 * The control of a swarm: about as many processes share the cores, every copy is sent, received, checked and stored once,
 * and nobody has anything to decide.
 */
export async function codexPairs(context: BenchContext, pairs: number): Promise<Pairs> {
  const network = await startNodes(context, 2 * pairs, METRICS_ARGS);
  const pids = network.nodes.map(({ pid }) => pid);
  const jobs: { fetch: string; local: string; size: number }[] = [];
  for (let i = 0; i < pairs; i++) {
    const [holder, leecher] = [network.nodes[2 * i]!, network.nodes[2 * i + 1]!];
    const content = new Content({ seed: 100 + i, size: context.sizeBytes });
    const { body: cid } = await upload(routes.upload(holder), content);
    jobs.push({ fetch: routes.fetch(leecher, cid), local: routes.local(leecher, cid), size: content.size });
  }
  return {
    async fetch() {
      const before = processorMs(...pids);
      await Promise.all(jobs.map((job) => fetchInto(job, job.size, POLL_MS)));
      const spent = processorMs(...pids) - before;
      for (const { local } of jobs) await send('DELETE', local);
      return { 'CPU ms a copy': spent / pairs };
    },
    stop: () => network.stop(),
  };
}
