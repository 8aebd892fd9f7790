import { readFile } from 'node:fs/promises';
import { isCodexError } from '@codex/runtime';
import { CliError } from './errors.ts';
import type { Output } from './output.ts';

export interface ContractsOptions {
  readonly rpc: string;
  readonly network: string;
  /** A proving key, whose verification key the verifier gets. */
  readonly zkey?: string;
  readonly token?: string;
  /** A file with the private key that pays, in hex. */
  readonly keyFile?: string;
  readonly deployments: string;
}

export const CONTRACTS_ACTIONS = ['deploy', 'abi'] as const;
export type ContractsAction = (typeof CONTRACTS_ACTIONS)[number];

/** Prints every ABI by the contract's name, or deploys. Packages are loaded when they are needed: other verbs must start at once. */
export async function runContracts(
  output: Output,
  action: ContractsAction,
  options: ContractsOptions,
  signal: AbortSignal,
): Promise<void> {
  if (action === 'abi') return showAbis(output);
  try {
    await deploy(output, options, signal);
  } catch (error) {
    if (error instanceof CliError || !isCodexError(error) || signal.aborted) throw error;
    const isUsage = error.code === 'NETWORK_UNKNOWN' || error.code === 'VERIFICATION_KEY_INVALID';
    const data = { ...error.data, reason: error.code };
    throw new CliError(isUsage ? 'USAGE' : 'DEPLOYMENT_FAILED', error.message, data, { cause: error });
  }
}

async function showAbis(output: Output): Promise<void> {
  const { ABIS } = await import('@codex/contracts');
  output.result(ABIS, () =>
    Object.entries(ABIS).map(([name, abi]) => `${name}: ${abi.length} entries; --json prints them`),
  );
}

async function deploy(output: Output, options: ContractsOptions, signal: AbortSignal): Promise<void> {
  const { deployContracts, HARDHAT_VERIFICATION_KEY, networkConfig } = await import('@codex/contracts');
  const { http, isAddress } = await import('viem');
  const network = networkConfig(options.network);
  if (!URL.canParse(options.rpc)) throw new CliError('USAGE', `${options.rpc} is not a URL`);
  const { token } = options;
  if (token !== undefined && !isAddress(token)) throw new CliError('USAGE', `${token} is not an address`);
  if (options.zkey === undefined && !network.local) {
    throw new CliError('USAGE', 'Say with --zkey which proving key hosts of this network will use');
  }
  const key =
    options.zkey === undefined ? { verificationKey: HARDHAT_VERIFICATION_KEY } : await readKey(options.zkey, signal);
  const account = options.keyFile === undefined ? undefined : await readAccount(options.keyFile);
  const deployment = await deployContracts(
    { transport: http(options.rpc) },
    {
      network,
      directory: options.deployments,
      signal,
      ...key,
      ...(token === undefined ? {} : { token }),
      ...(account === undefined ? {} : { account }),
    },
  );
  output.result(deployment, () => [
    `chain ${deployment.chainId}, zkey ${deployment.zkeyHash}`,
    ...Object.entries(deployment.contracts).map(([name, { address }]) => `${name} ${address}`),
  ]);
}

/** What a verifier and a marketplace must know of a proving key. */
async function readKey(path: string, signal: AbortSignal) {
  const [{ createCompute }, { hashFile, openProvingKey }] = await Promise.all([
    import('@codex/compute'),
    import('@codex/groth16'),
  ]);
  const compute = createCompute({ threads: 1 });
  try {
    const file = await openProvingKey(compute, path, { memoryBytes: 0, signal });
    await file.close();
    return { verificationKey: file.verification, zkeyHash: await hashFile(compute, path, { signal }) };
  } finally {
    await compute.stop();
  }
}

async function readAccount(file: string) {
  const { privateKeyToAccount } = await import('viem/accounts');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError('FILE_UNREADABLE', `Cannot read ${file}`, { file }, { cause: error });
  });
  const digits = text.trim().replace(/^0x/, '');
  // The text itself must not come into a message.
  if (!/^[0-9a-fA-F]{64}$/.test(digits))
    throw new CliError('USAGE', `${file} holds no private key of 32 bytes in hex`, { file });
  return privateKeyToAccount(`0x${digits}`);
}
