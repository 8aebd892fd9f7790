import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Network, startNetwork } from '@codex/devnet';
import { afterAll, beforeAll } from 'vitest';

/** Real nodes for a test file, and a directory for its files. */
export function useNodes(nodes: number, args: readonly string[] = []) {
  const held: { network?: Network; directory?: string } = {};
  beforeAll(async () => {
    held.directory = mkdtempSync(join(tmpdir(), 'codex-conformance-'));
    held.network = await startNetwork({ nodes, args, directory: join(held.directory, 'network') });
  }, 60_000);
  afterAll(async () => {
    await held.network?.stop();
    if (held.directory) rmSync(held.directory, { recursive: true, force: true });
  });
  return {
    node: (index: number) => held.network!.nodes[index]!,
    api: (index = 0) => `${held.network!.nodes[index]!.url}/api/codex/v1`,
    file: (name: string) => join(held.directory!, name),
  };
}

/** The reference's test content: SHA-256 of seed and counter, one after the other. */
export function vectorContent(seed: string, size: number): Buffer {
  const out = Buffer.alloc(size);
  const counter = Buffer.alloc(8);
  for (let at = 0, c = 0n; at < size; at += 32, c++) {
    counter.writeBigUInt64LE(c);
    createHash('sha256').update(seed).update(counter).digest().copy(out, at);
  }
  return out;
}
