import { type AbortOptions, raceSignal } from '@codex/runtime';
import {
  type Abi,
  type Account,
  type Address,
  BaseError,
  createPublicClient,
  createWalletClient,
  encodeFunctionData,
  getAddress,
  type Hex,
  keccak256,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
  type Transport,
  type WalletClient,
} from 'viem';
import { ContractsError } from '../errors.ts';
import type { DeployedContract } from './deployment.ts';

interface SenderInit extends AbortOptions {
  readonly account?: Account | Address | undefined;
  /** Blocks may be mined on demand. */
  readonly local: boolean;
}

/** Challenges look back so many blocks: the marketplace refuses a younger chain (12 §3). */
const HISTORY_BLOCKS = 256n;

const readerOf = (transport: Transport) => createPublicClient({ transport });
type Reader = ReturnType<typeof readerOf>;

/** Sends transactions one after the other and sees each into a block. */
export class Sender {
  readonly chainId: number;
  readonly #reader: Reader;
  readonly #writer: WalletClient;
  readonly #account: Account | Address;
  readonly #local: boolean;
  readonly #signal: AbortSignal | undefined;

  private constructor(
    reader: Reader,
    writer: WalletClient,
    chainId: number,
    init: SenderInit & { account: Account | Address },
  ) {
    this.#reader = reader;
    this.#writer = writer;
    this.chainId = chainId;
    this.#account = init.account;
    this.#local = init.local;
    this.#signal = init.signal;
  }

  /** Error: `DEPLOYMENT_FAILED` when nobody answers, or there is no account. */
  static async open(transport: Transport, init: SenderInit): Promise<Sender> {
    const reader = readerOf(transport);
    const writer = createWalletClient({ transport });
    try {
      const chainId = await raceSignal(reader.getChainId(), init.signal);
      const account = init.account ?? (await raceSignal(writer.getAddresses(), init.signal))[0];
      if (account === undefined) throw new ContractsError('DEPLOYMENT_FAILED', 'The node keeps no account: give one');
      return new Sender(reader, writer, chainId, { ...init, account });
    } catch (error) {
      throw failed('The chain does not answer', error, init.signal);
    }
  }

  /** Hash of the code at an address; undefined if there is none. */
  async codeHash(address: Address): Promise<Hex | undefined> {
    const code = await raceSignal(this.#reader.getCode({ address }), this.#signal);
    return code === undefined ? undefined : keccak256(code);
  }

  /** Creates a contract. Error: `DEPLOYMENT_FAILED`. */
  async create(name: string, data: Hex): Promise<Omit<DeployedContract, 'inputHash'>> {
    const receipt = await this.#send(`Creating ${name}`, { data });
    const address = receipt.contractAddress ? getAddress(receipt.contractAddress) : undefined;
    const codeHash = address ? await this.codeHash(address) : undefined;
    if (!address || codeHash === undefined) {
      throw new ContractsError('DEPLOYMENT_FAILED', `${name} was not created`, {
        transaction: receipt.transactionHash,
      });
    }
    return { address, codeHash, transaction: receipt.transactionHash };
  }

  /** Sends transactions that do nothing until the account has sent so many. It never sends one too many: then the nonce is past. */
  async raiseNonce(nonce: number): Promise<void> {
    const address = this.#address();
    for (let next = await this.#reader.getTransactionCount({ address }); next < nonce; next++) {
      await this.#send('An empty transaction', { to: address, value: 0n });
    }
  }

  /** Calls a function once for every account that the node keeps. */
  async callForEachAccount(
    to: Address,
    abi: Abi,
    functionName: string,
    args: (account: Address) => readonly unknown[],
  ): Promise<void> {
    for (const account of await this.#writer.getAddresses()) {
      await this.#send(functionName, { to, data: encodeFunctionData({ abi, functionName, args: args(account) }) });
    }
  }

  /** Makes a local chain old enough. */
  async mineHistory(): Promise<void> {
    const height = await this.#reader.getBlockNumber({ cacheTime: 0 });
    if (height > HISTORY_BLOCKS) return;
    const blocks = `0x${(HISTORY_BLOCKS + 1n - height).toString(16)}`;
    try {
      // All in the same second: the chain must not run ahead of the clock.
      await this.#request('anvil_mine', [blocks, '0x0']);
    } catch {
      await this.#request('hardhat_mine', [blocks]);
    }
  }

  #address(): Address {
    return typeof this.#account === 'string' ? this.#account : this.#account.address;
  }

  async #send(what: string, transaction: { to?: Address; data?: Hex; value?: bigint }): Promise<TransactionReceipt> {
    try {
      this.#signal?.throwIfAborted();
      const hash = await this.#writer.sendTransaction({ account: this.#account, chain: null, ...transaction });
      const receipt = await raceSignal(this.#receipt(hash), this.#signal);
      if (receipt.status === 'success') return receipt;
      throw new ContractsError('DEPLOYMENT_FAILED', `${what}: the transaction was reverted`, { transaction: hash });
    } catch (error) {
      throw failed(what, error, this.#signal);
    }
  }

  async #receipt(hash: Hex): Promise<TransactionReceipt> {
    if (!this.#local) return this.#reader.waitForTransactionReceipt({ hash });
    try {
      return await this.#reader.getTransactionReceipt({ hash });
    } catch (error) {
      if (!(error instanceof TransactionReceiptNotFoundError)) throw error;
    }
    // The chain mines at intervals, or on demand.
    await this.#request('evm_mine', []);
    return this.#reader.waitForTransactionReceipt({ hash });
  }

  async #request(method: string, params: readonly unknown[]): Promise<void> {
    await (this.#reader.request as (call: { method: string; params: readonly unknown[] }) => Promise<unknown>)({
      method,
      params,
    });
  }
}

function failed(what: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof ContractsError || signal?.aborted) return error;
  const why = error instanceof BaseError ? error.shortMessage : String(error);
  return new ContractsError('DEPLOYMENT_FAILED', `${what}: ${why}`, { why }, { cause: error });
}
