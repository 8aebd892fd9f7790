import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, type NodeConfig, parseArguments } from '../../src/index.ts';

export const freshDir = () => mkdtemp(join(tmpdir(), 'codex-node-'));

/** The configuration of a node on loopback with free ports and a directory of its own. */
export async function testConfig(...options: string[]): Promise<NodeConfig> {
  const argv = [
    `--data-dir=${join(await freshDir(), 'data')}`,
    '--listen-addrs=/ip4/127.0.0.1/tcp/0',
    '--disc-port=0',
    '--api-port=0',
    '--metrics-port=0',
    '--log-format=none',
    ...options,
  ];
  return (await loadConfig({ arguments: parseArguments(argv).values })).config;
}

/** Bytes that look random and depend on the seed only. */
export function pattern(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}
