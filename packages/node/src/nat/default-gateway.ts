import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { AbortOptions } from '@codex/runtime';

const ROUTE_UP = 1;
const ROUTE_GATEWAY = 2;

/** The IPv4 address of the router to the rest of the world; undefined when there is none, or it cannot be found. */
export async function defaultGateway(options?: AbortOptions): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') return gatewayOfProc(await readFile('/proc/net/route', 'utf8'));
    const { stdout } = await promisify(execFile)('netstat', ['-rn'], { signal: options?.signal });
    return gatewayOfNetstat(stdout);
  } catch {
    options?.signal?.throwIfAborted();
    return undefined;
  }
}

/** Of Linux's table: interface, destination, gateway, flags, two counters and the metric, addresses in host order. */
export function gatewayOfProc(table: string): string | undefined {
  const routes = table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination, gateway = '', flags = '', , , metric] = line.split(/\s+/);
      const needed = ROUTE_UP | ROUTE_GATEWAY;
      if (destination !== '00000000' || (Number.parseInt(flags, 16) & needed) !== needed) return [];
      return [{ gateway: Buffer.from(gateway, 'hex').reverse().join('.'), metric: Number(metric) }];
    });
  return routes.sort((a, b) => a.metric - b.metric)[0]?.gateway;
}

/** Of the table that BSDs, macOS and Windows print: `default` or `0.0.0.0 0.0.0.0`, then the gateway. */
export function gatewayOfNetstat(table: string): string | undefined {
  return /^\s*(?:default|0\.0\.0\.0\s+0\.0\.0\.0)\s+(\d+\.\d+\.\d+\.\d+)\s/m.exec(table)?.[1];
}
