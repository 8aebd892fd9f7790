import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generate } from '../../assembly/build/kernels.ts';
import { createCodec, KERNEL_BUILDS, Kernel } from '../../src/index.ts';
import { encode, seededShards } from './shapes.ts';

const CODEC = new URL('../../src/codec/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, CODEC), 'utf8');

describe('the kernel', () => {
  it('is what its source compiles to', async () => {
    expect(read('kernels.generated.ts') === (await generate()), 'run `npm run build:kernels`').toBe(true);
  });

  it('is chosen once for a thread, the best that the runtime takes', async () => {
    const kernel = await Kernel.load();
    expect(kernel?.build).toBe('relaxed');
    expect(await Kernel.load()).toBe(kernel);
    expect(Kernel.ofThread()).toBe(kernel);
    expect(KERNEL_BUILDS.map((build) => Kernel.make(build)?.build)).toEqual(['relaxed', 'simd']);
  });

  it('holds memory for the rows of one strip, not for the shards', () => {
    const kernel = Kernel.make('relaxed')!;
    const shardBytes = 1024 * 1024;
    const rows = seededShards('memory', 1, shardBytes);
    createCodec({ data: 40, parity: 20 }, kernel).encode(
      Array.from({ length: 40 }, () => rows[0]!),
      Array.from({ length: 20 }, () => new Uint8Array(shardBytes)),
    );
    expect(kernel.memoryBytes).toBeLessThan(1024 * 1024);
    const data = seededShards('memory', 32_768, 256);
    const codec = createCodec({ data: 32_768, parity: 32_768 }, kernel);
    const parity = encode(codec, data);
    const restored = new Map(data.map((_, i) => [i, new Uint8Array(256)]));
    codec.decode({ data: data.map(() => undefined), parity, restored });
    data.forEach((shard, i) => {
      expect(Buffer.compare(shard, restored.get(i)!)).toBe(0);
    });
    expect(kernel.memoryBytes).toBeLessThan(40 * 1024 * 1024);
  });

  it('runs in browsers: the codec needs nothing of Node', () => {
    const files = modulesFrom(new URL('create-codec.ts', CODEC));
    expect(files.size).toBeGreaterThan(10);
    for (const [file, text] of files) {
      expect([file, ...(text.match(/'node:[^']*'|\b(Buffer|process|require)\b(?=[.(])/g) ?? [])]).toEqual([file]);
    }
  });
});

/** A module and all that it imports, with their texts. */
function modulesFrom(url: URL, found = new Map<string, string>()): Map<string, string> {
  if (found.has(url.href)) return found;
  const text = readFileSync(url, 'utf8');
  found.set(url.href, text);
  for (const [, from] of text.matchAll(/\bfrom '([^']+)'/g)) {
    if (from?.startsWith('.')) modulesFrom(new URL(from, url), found);
    else if (from && !from.startsWith('node:')) modulesFrom(new URL(import.meta.resolve(from)), found);
  }
  return found;
}
