import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  deployContracts,
  EmbeddedChain,
  HARDHAT_VERIFICATION_KEY,
  networkConfig,
  requestIdOf,
  slotIdOf,
} from '@codex/contracts';
import { seededRandom } from '@codex/runtime';
import { bytesToHex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import {
  type Address,
  type ConnectedMarketplace,
  type ConnectInit,
  connectMarketplace,
  type Hex,
  type RequestId,
  type SlotId,
  type SolidityProof,
  type StorageRequest,
} from '../../../src/index.ts';

/** What development chains give their accounts, known to everybody. */
const MNEMONIC = 'test test test test test test test test test test test junk';

/** One that the test verifier takes. */
export const PROOF: SolidityProof = {
  a: { x: 1n, y: 2n },
  b: { x: { real: 3n, imag: 4n }, y: { real: 5n, imag: 6n } },
  c: { x: 7n, y: 8n },
};

/** A chain with a marketplace that takes any proof, and connections to it. */
export class MarketChain {
  readonly chain: EmbeddedChain;
  readonly marketplace: Address;
  readonly token: Address;
  readonly #folder: string;
  readonly #open: ConnectedMarketplace[] = [];
  #connections = 0;
  #nonce = 0;

  private constructor(chain: EmbeddedChain, marketplace: Address, token: Address, folder: string) {
    this.chain = chain;
    this.marketplace = marketplace;
    this.token = token;
    this.#folder = folder;
  }

  static async start(): Promise<MarketChain> {
    const chain = new EmbeddedChain();
    await chain.start();
    const transport = chain.transport();
    const deployment = await deployContracts(
      { transport },
      { network: networkConfig('test'), verificationKey: HARDHAT_VERIFICATION_KEY },
    );
    const address = deployment.contracts.TestMarketplace!.address.toLowerCase() as Address;
    const folder = await mkdtemp(join(tmpdir(), 'codex-market-'));
    return new MarketChain(chain, address, deployment.token.toLowerCase() as Address, folder);
  }

  async stop(): Promise<void> {
    await this.closeAll();
    await this.chain.stop();
    await rm(this.#folder, { recursive: true });
  }

  async closeAll(): Promise<void> {
    for (const market of this.#open.splice(0)) await market.close();
  }

  /** A directory that nobody else uses. */
  directory(): string {
    return join(this.#folder, `data-${this.#connections++}`);
  }

  /** Connects as one of the chain's accounts: 1 is the client of `request`. */
  async connect(index: number, init: Partial<ConnectInit> = {}): Promise<ConnectedMarketplace> {
    const market = await connectMarketplace({
      rpc: this.chain.url,
      key: { file: await this.keyFile(index) },
      marketplaceAddress: this.marketplace,
      pollMs: 50,
      ...init,
    });
    this.#open.push(market);
    return market;
  }

  async keyFile(index: number): Promise<string> {
    const path = join(this.#folder, `key-${index}`);
    const { privateKey } = mnemonicToAccount(MNEMONIC, { addressIndex: index }).getHdKey();
    await writeFile(path, bytesToHex(privateKey!), { mode: 0o600 });
    return path;
  }

  account(index: number): Address {
    return mnemonicToAccount(MNEMONIC, { addressIndex: index }).address.toLowerCase() as Address;
  }

  /** Three slots of 1 KiB for 1000 s, one may be lost; nobody else has the same. */
  request(changes: Partial<StorageRequest['ask']> = {}): StorageRequest {
    return {
      client: this.account(1),
      ask: {
        proofProbability: 1n,
        pricePerBytePerSecond: 2n,
        collateralPerByte: 100n,
        slots: 3n,
        slotSize: 1024n,
        duration: 1000n,
        maxSlotLoss: 1n,
        ...changes,
      },
      content: { cid: '0x01cd0290b2020304', merkleRoot: `0x${'11'.repeat(32)}` },
      expiry: 300n,
      nonce: bytesToHex(seededRandom(++this.#nonce).bytes(32)),
    };
  }

  async rpc<T>(method: string, params: readonly unknown[] = []): Promise<T> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(this.chain.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const { result, error } = (await response.json()) as { result?: T; error?: { message: string } };
    if (error) throw new Error(error.message);
    return result as T;
  }

  /** Transactions of an account that are in blocks. */
  async sentBy(index: number): Promise<number> {
    return Number(await this.rpc<Hex>('eth_getTransactionCount', [this.account(index), 'latest']));
  }
}

export const idOf = (request: StorageRequest): RequestId => requestIdOf(request);
export const slotOf = (request: StorageRequest, index: number): SlotId => slotIdOf(requestIdOf(request), BigInt(index));
