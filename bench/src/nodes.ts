import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Network, type NetworkNode, PROJECT_ROOT, startNetwork } from '@codex/devnet';
import type { BenchContext } from './claim.ts';

const BASE = '/api/codex/v1';
/** Room for every round of the largest run. */
const QUOTA_BYTES = 200 * 1024 ** 3;

/** The command of our nodes, where it is not the usual one. */
export function nodeCommand({ nodeFlags }: BenchContext): { command?: string[] } {
  if (nodeFlags.length === 0) return {};
  return { command: [process.execPath, ...nodeFlags, join(PROJECT_ROOT, 'packages', 'cli', 'src', 'main.ts')] };
}

/** Nodes in processes of their own, connected with each other unless `connect` is false. */
export function startNodes(
  context: BenchContext,
  nodes: number,
  args: readonly string[] = [],
  connect = true,
): Promise<Network> {
  return startNetwork({
    nodes,
    connect,
    ...nodeCommand(context),
    directory: `${context.directory}/network-${nodes}-${process.hrtime.bigint()}`,
    args: [`--storage-quota=${QUOTA_BYTES}`, ...args],
    env: context.nodeEnv,
    signal: context.signal,
  });
}

export const routes = {
  upload: (node: NetworkNode) => `${node.url}${BASE}/data`,
  local: (node: NetworkNode, cid: string) => `${node.url}${BASE}/data/${cid}`,
  fetch: (node: NetworkNode, cid: string) => `${node.url}${BASE}/data/${cid}/network`,
  network: (node: NetworkNode, cid: string) => `${node.url}${BASE}/data/${cid}/network/stream`,
};

/** What makes a node serve metrics, on a port of the system's choice. */
export const METRICS_ARGS = ['--metrics', '--metrics-port=0'];

/** Where the metrics of a node are: it logs the URL. */
export function metricsUrl(node: NetworkNode): string {
  const line = readFileSync(node.logFile, 'utf8')
    .split('\n')
    .findLast((text) => /metrics server started/i.test(text));
  const url = /https?:\/\/[^\s"',}]+/.exec(line ?? '')?.[0];
  if (!url) throw new Error(`${node.logFile} does not say where the metrics are`);
  return `${new URL(url).origin}/metrics`;
}

/** One unlabelled value of a node's metrics. */
export async function readMetric(url: string, name: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const value = new RegExp(`^${name}(?:\\{\\})? (\\S+)`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`${url} has no metric ${name}`);
  return Number(value);
}
