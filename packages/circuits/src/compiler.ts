import { spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AbortOptions } from '@codex/runtime';
import { CircuitError } from './errors.ts';
import { type CircuitParameters, checkParameters } from './parameters.ts';
import { type CircuitSources, circuitSources } from './sources.ts';

/** The end of what the compiler says is enough to see what it found. */
const OUTPUT_CHARACTERS_MAX = 4_000;

/** Paths of what was built. */
export interface CircuitFiles {
  readonly directory: string;
  /** The constraints (iden3 r1cs, version 1). */
  readonly r1cs: string;
  /** The witness generator (circom 2 interface). */
  readonly wasm: string;
  /** Label, wire (-1 if optimised away), component and name of every signal, a line each. */
  readonly sym: string;
  /** Names the circuit: see `CircuitSources`. */
  readonly digest: string;
}

function filesIn(directory: string, digest: string): CircuitFiles {
  const at = (suffix: string) => join(directory, `proof_main.${suffix}`);
  return { directory, r1cs: at('r1cs'), wasm: at('wasm'), sym: at('sym'), digest };
}

/** The compiler runs as a program of its own: it blocks for seconds, and its licence is not ours. */
function compilerPath(): string {
  try {
    const require = createRequire(import.meta.url);
    return require.resolve('circom2/cli.js');
  } catch (cause) {
    throw new CircuitError('CIRCUIT_COMPILER_MISSING', 'The circom compiler is not installed', {}, { cause });
  }
}

async function compile({ files, main }: CircuitSources, directory: string, signal?: AbortSignal): Promise<void> {
  for (const [name, text] of files) await writeFile(join(directory, name), text);
  const compiler = compilerPath();
  // Relative names only, so that nothing of the place gets into what is built.
  const child = spawn(process.execPath, [compiler, main, '--r1cs', '--wasm', '--sym', '--O2', '-o', '.'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_CHARACTERS_MAX);
    });
  }
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    // Of an aborted child there is an error at once, but it may write until it is closed.
    child.once('error', (error) => child.pid === undefined && reject(error)).once('close', resolve);
  });
  signal?.throwIfAborted();
  if (exitCode !== 0) {
    throw new CircuitError('CIRCUIT_BUILD_FAILED', `The circom compiler failed:\n${output}`, { exitCode, output });
  }
  await rename(join(directory, 'proof_main_js', 'proof_main.wasm'), join(directory, 'proof_main.wasm'));
  await rm(join(directory, 'proof_main_js'), { recursive: true });
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

export interface BuildOptions extends AbortOptions {
  /** The directory of all circuits that were built. Several processes may use one at once; what is in it is whole. */
  readonly cache: string;
}

/**
 * What these sources compile to, from the cache or compiled into it.
 *
 * @throws CIRCUIT_COMPILER_MISSING, CIRCUIT_BUILD_FAILED
 */
export async function compileInto({ cache, signal }: BuildOptions, sources: CircuitSources): Promise<CircuitFiles> {
  const target = join(cache, sources.digest);
  if (await exists(target)) return filesIn(target, sources.digest);

  await mkdir(cache, { recursive: true });
  const workplace = await mkdtemp(join(cache, 'building-'));
  try {
    await compile(sources, workplace, signal);
    await rename(workplace, target);
  } catch (error) {
    await rm(workplace, { recursive: true, force: true });
    // Another process may have been faster.
    if (!(await exists(target))) throw error;
  }
  return filesIn(target, sources.digest);
}

/**
 * The circuit with these parameters, from the cache or compiled into it, which takes a second or two a sample.
 *
 * @throws CIRCUIT_PARAMETERS_INVALID, CIRCUIT_COMPILER_MISSING, CIRCUIT_BUILD_FAILED
 */
export async function buildCircuit(parameters: CircuitParameters, options: BuildOptions): Promise<CircuitFiles> {
  checkParameters(parameters);
  return await compileInto(options, circuitSources(parameters));
}
