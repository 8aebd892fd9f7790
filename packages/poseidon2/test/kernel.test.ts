import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generate } from '../kernel/build.ts';
import { KERNEL_BUILDS, Kernel } from '../src/index.ts';

const SOURCE = new URL('../src/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, SOURCE), 'utf8');

describe('the kernel', () => {
  it('is what its source compiles to', () => {
    expect(read('kernels.generated.ts') === generate(), 'run `npm run build:kernels`').toBe(true);
  });

  it('is chosen once for a thread, the best that the runtime takes', async () => {
    const kernel = await Kernel.load();
    expect(kernel?.build).toBe('fused');
    expect(await Kernel.load()).toBe(kernel);
    expect(Kernel.ofThread()).toBe(kernel);
    expect(KERNEL_BUILDS.map((build) => Kernel.make(build)?.build)).toEqual(['fused', 'plain']);
  });

  it('runs in browsers: hashing needs nothing of Node', () => {
    const files = modulesFrom(new URL('blocks.ts', SOURCE), modulesFrom(new URL('create-hasher.ts', SOURCE)));
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
