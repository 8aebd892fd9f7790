import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Address, type Hex, isAddress, isHex } from 'viem';
import { ContractsError } from '../errors.ts';

/** A contract on a chain. */
export interface DeployedContract {
  readonly address: Address;
  /** Hash of the code that was sent, constructor arguments included: says whether it is the contract that is wanted. */
  readonly inputHash: Hex;
  /** Hash of the code on the chain: says whether it is still there. */
  readonly codeHash: Hex;
  readonly transaction: Hex;
}

/** What stands on a chain under the name of a network. */
export interface Deployment {
  readonly network: string;
  readonly chainId: number;
  /** SHA-256 of the proving key that proofs must be made with. */
  readonly zkeyHash: string;
  readonly token: Address;
  readonly contracts: Readonly<Record<string, DeployedContract>>;
}

/** Names become files. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

function path(directory: string, network: string): string {
  if (!NAME.test(network)) throw new ContractsError('NETWORK_UNKNOWN', `${network} names no network`, { network });
  return join(directory, `${network}.json`);
}

/** The deployment of a network that was written to a directory; undefined if there is none. Error: `DEPLOYMENT_UNREADABLE`. */
export async function readDeployment(directory: string, network: string): Promise<Deployment | undefined> {
  const file = path(directory, network);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ContractsError('DEPLOYMENT_UNREADABLE', `Cannot read ${file}`, { file }, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isDeployment(value)) return value;
  } catch (error) {
    throw new ContractsError('DEPLOYMENT_UNREADABLE', `${file} is no JSON`, { file }, { cause: error });
  }
  throw new ContractsError('DEPLOYMENT_UNREADABLE', `${file} is not a deployment`, { file });
}

/** Writes it beside others, whole or not at all. */
export async function writeDeployment(directory: string, deployment: Deployment): Promise<void> {
  const file = path(directory, deployment.network);
  await mkdir(directory, { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(`${JSON.stringify(deployment, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

function isDeployment(value: unknown): value is Deployment {
  const { network, chainId, zkeyHash, token, contracts } = (value ?? {}) as Partial<Record<string, unknown>>;
  return (
    typeof network === 'string' &&
    Number.isSafeInteger(chainId) &&
    typeof zkeyHash === 'string' &&
    typeof token === 'string' &&
    isAddress(token) &&
    typeof contracts === 'object' &&
    contracts !== null &&
    Object.values(contracts).every(isContract)
  );
}

function isContract(value: unknown): boolean {
  const { address, inputHash, codeHash, transaction } = (value ?? {}) as Partial<Record<string, unknown>>;
  return (
    typeof address === 'string' && isAddress(address) && [inputHash, codeHash, transaction].every((hash) => isHex(hash))
  );
}
