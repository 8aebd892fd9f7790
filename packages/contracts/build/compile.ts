import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

/** What is made of a contract. */
export interface Compiled {
  readonly abi: readonly unknown[];
  /** The code that deploys it, without constructor arguments. */
  readonly bytecode: `0x${string}`;
  /** Bytes of the code that stays on the chain. */
  readonly size: number;
}

/** Contracts that are deployed or called, in the order of the generated files. */
export const CONTRACTS = [
  'Marketplace',
  'Groth16Verifier',
  'Vault',
  'TestToken',
  'TestVerifier',
  'TestMarketplace',
] as const;

/** Errors and events of all contracts are also in these: a caller that decodes needs one ABI per contract. */
const SOLIDITY = fileURLToPath(new URL('../solidity', import.meta.url));

/**
 * The settings of every build (12): old enough an EVM for every network, and no hash of the metadata, so that the same sources give the
 * same code on every machine.
 */
export const SETTINGS = {
  optimizer: { enabled: true, runs: 1000 },
  evmVersion: 'paris',
  metadata: { bytecodeHash: 'none', appendCBOR: false },
} as const;

interface Output {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts: Record<
    string,
    Record<string, { abi: unknown[]; evm: { bytecode: { object: string }; deployedBytecode: { object: string } } }>
  >;
}

/** The sources of the package, by file name; with `directory`, of another folder. */
export function readSources(directory = SOLIDITY): Record<string, { content: string }> {
  const names = readdirSync(directory).filter((name) => name.endsWith('.sol'));
  return Object.fromEntries(
    names.sort().map((name) => [name, { content: readFileSync(`${directory}/${name}`, 'utf8') }]),
  );
}

/** Compiles sources; warnings are errors. Returns every contract by its name. */
export function compile(sources: Record<string, { content: string }>): Map<string, Compiled> {
  const input = {
    language: 'Solidity',
    sources,
    settings: {
      ...SETTINGS,
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as Output;
  const wrong = (output.errors ?? []).filter(({ severity }) => severity !== 'info');
  if (wrong.length > 0) throw new Error(wrong.map(({ formattedMessage }) => formattedMessage).join('\n'));
  const contracts = new Map<string, Compiled>();
  for (const file of Object.values(output.contracts)) {
    for (const [name, { abi, evm }] of Object.entries(file)) {
      contracts.set(name, {
        abi,
        bytecode: `0x${evm.bytecode.object}`,
        size: evm.deployedBytecode.object.length / 2,
      });
    }
  }
  return contracts;
}
