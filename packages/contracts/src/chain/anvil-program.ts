import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ContractsError } from '../errors.ts';

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The path of anvil's program for this machine: run as it is, without a wrapper's second process. Error: `CHAIN_START_FAILED`. */
export function anvilProgram(): string {
  const platform = `${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}`;
  try {
    // The package of the platform is found from that of anvil, which asks for it.
    const anvil = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json'));
    const folder = dirname(anvil.resolve(`@foundry-rs/anvil-${platform}/package.json`));
    const program = join(folder, 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil');
    accessSync(program, constants.X_OK);
    return program;
  } catch (error) {
    throw new ContractsError('CHAIN_START_FAILED', `There is no anvil for ${platform}`, { platform }, { cause: error });
  }
}
