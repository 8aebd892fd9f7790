import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

/** What the compiler makes of a circuit, in a directory that need not be there. */
export async function compileCircuit(
  source: string,
  directory: string,
): Promise<{ readonly r1cs: string; readonly wasm: string }> {
  await mkdir(directory, { recursive: true });
  const require = createRequire(import.meta.url);
  const compiler = require.resolve('circom2/cli.js');
  const name = basename(source, '.circom');
  const child = spawn(process.execPath, [compiler, source, '--r1cs', '--wasm', '--O2', '-o', directory], {
    stdio: 'ignore',
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0) throw new Error(`The compiler ended with ${exitCode}`);
  return { r1cs: join(directory, `${name}.r1cs`), wasm: join(directory, `${name}_js`, `${name}.wasm`) };
}
