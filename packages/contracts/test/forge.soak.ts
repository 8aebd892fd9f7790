import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const PROFILE = process.env.SOAK === 'short' ? 'short' : 'default';
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 32);
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

function forge(): string {
  const own = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/forge/package.json'));
  const name = `@foundry-rs/forge-${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}/package.json`;
  return join(dirname(own.resolve(name)), 'bin', process.platform === 'win32' ? 'forge.exe' : 'forge');
}

/** Fuzz and invariant tests in Solidity (`forge/`); a failure prints the calls that led to it, and the seed brings them back. */
it(`formulas and invariants hold in Solidity, profile ${PROFILE} (seed ${SEED})`, async () => {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const env = { ...process.env, FOUNDRY_PROFILE: PROFILE, NO_COLOR: '1' };
  const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
    const options = { cwd, env, maxBuffer: 64 * 1024 * 1024 };
    execFile(forge(), ['test', '--fuzz-seed', `0x${SEED.toString(16)}`], options, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: `${stdout}\n${stderr}` }),
    );
  });
  expect(code, output.slice(-8_000)).toBe(0);
  expect(output).toContain('10 tests passed, 0 failed');
});
