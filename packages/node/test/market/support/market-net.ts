import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildCircuit, NETWORK_PARAMETERS } from '@codex/circuits';
import { WorkerPool } from '@codex/compute';
import {
  deployContracts,
  EmbeddedChain,
  HARDHAT_VERIFICATION_KEY,
  type NetworkConfig,
  networkConfig,
} from '@codex/contracts';
import { decodeVerificationKey, developmentKey } from '@codex/groth16';
import { vi } from 'vitest';
import { CodexNode } from '../../../src/index.ts';
import { testConfig } from '../../node/fixture.ts';

/** Of the checkout: a circuit and its key are made once for all runs. */
export const CACHE = fileURLToPath(new URL('../../../../../.cache', import.meta.url));

/** Of development chains, known to everybody. */
const KEYS = [
  'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  '47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
];

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A chain with a marketplace, and nodes that take part in it. */
export class MarketNet {
  readonly chain: EmbeddedChain;
  readonly marketplace: string;
  readonly nodes: CodexNode[] = [];
  readonly #folder: string;

  private constructor(chain: EmbeddedChain, marketplace: string, folder: string) {
    this.chain = chain;
    this.marketplace = marketplace;
    this.#folder = folder;
  }

  /** `samples`: proofs of the development circuit are checked; without, nobody proves. */
  static async start({ network = networkConfig('test'), samples }: { network?: NetworkConfig; samples?: number } = {}) {
    const chain = new EmbeddedChain();
    await chain.start();
    const key =
      samples === undefined ? { verificationKey: HARDHAT_VERIFICATION_KEY } : await developmentVerificationKey(samples);
    const { contracts } = await deployContracts({ transport: chain.transport() }, { network, ...key });
    return new MarketNet(chain, contracts.Marketplace!.address, await mkdtemp(join(tmpdir(), 'codex-market-')));
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.splice(0).map((node) => node.stop()));
    await this.chain.stop();
  }

  /** From now on blocks come by the clock. */
  async blocksEvery(seconds: number): Promise<void> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'evm_setIntervalMining', params: [seconds] });
    await fetch(this.chain.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  }

  /** Options of a node with an account of its own. */
  async options(account: number): Promise<string[]> {
    const path = join(this.#folder, `account-${account}`);
    await writeFile(path, KEYS[account]!, { mode: 0o600 });
    return [
      ...['persistence', `--eth-provider=${this.chain.url}`, `--eth-private-key=${path}`],
      ...[`--marketplace-address=${this.marketplace}`, `--circuit-dir=${CACHE}`, '--proving-keys=development'],
    ];
  }

  /** Starts a node; it is connected to the first one. */
  async node(account: number, ...options: string[]): Promise<CodexNode> {
    const config = await testConfig(...(await this.options(account)), ...options);
    const node = await CodexNode.create(config, { discovery: false });
    this.nodes.push(node);
    await node.start();
    // On a busy machine the chain may answer late.
    const answers = async () => (await call(node, 'GET', '/storage/purchases')).status === 200;
    await vi.waitUntil(answers, { timeout: 60_000 });
    const [first] = this.nodes;
    if (first && first !== node) await node.network.connect(first.peerId, first.network.listenAddrs());
    return node;
  }
}

/** A request to a node, with the body as it is or as JSON. */
export async function call(
  node: CodexNode,
  method: string,
  path: string,
  body?: unknown,
  headers = {},
): Promise<Answer> {
  const sent =
    body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const init = { method, headers, ...(sent !== undefined && { body: sent as string }) };
  const response = await fetch(`${node.apiUrl}/api/codex/v1${path}`, init);
  return { status: response.status, text: await response.text() };
}

async function developmentVerificationKey(samples: number) {
  const circuit = await buildCircuit(
    { ...NETWORK_PARAMETERS, nSamples: samples },
    { cache: join(CACHE, 'development') },
  );
  const compute = new WorkerPool({}, { threads: 2 });
  try {
    const cache = join(CACHE, 'development');
    const { verificationKey, sha256 } = await developmentKey({ compute }, { circuit, cache });
    const json = JSON.parse(await readFile(verificationKey, 'utf8'));
    return { verificationKey: decodeVerificationKey(json), zkeyHash: sha256 };
  } finally {
    await compute.stop();
  }
}
