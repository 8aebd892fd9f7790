import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type AbortOptions, systemClock } from '@codex/runtime';
import { createTestClient, http, type TestClient, type Transport } from 'viem';
import { ContractsError } from '../errors.ts';
import { anvilProgram } from './anvil-program.ts';

export interface EmbeddedChainInit {
  /** Seconds from block to block; without it a block is mined for every transaction. */
  readonly blockTimeSeconds?: number;
  /** No block but those that are asked for. */
  readonly onDemand?: boolean;
  /** Transactions go into a block in the order in which they came, not by their fees. */
  readonly isFifo?: boolean;
  /** Accounts with ether; 20 as the reference's local networks have. */
  readonly accounts?: number;
  /** Seconds since 1970 of the first block; default: now. */
  readonly timestamp?: number;
  /** 0, the default, takes a free one. */
  readonly port?: number;
}

const ACCOUNTS = 20;
/** Anvil is up within a fraction of a second; a loaded machine takes longer. */
const START_TIMEOUT_MS = 20_000;
/** It has nothing to save: past this it is killed. */
const STOP_TIMEOUT_MS = 3_000;
/** States of blocks that anvil keeps: the pointer looks back 256 blocks, and tests go back by snapshots. */
const HISTORY_BLOCKS = 512;
/** Room for batches of calls that ask for the whole state. */
const REQUEST_TIMEOUT_MS = 60_000;

/** A development chain of its own on this machine: anvil, on a free port of 127.0.0.1, ended by its process id. */
export class EmbeddedChain {
  readonly #init: EmbeddedChainInit;
  #child: ChildProcess | undefined;
  #url = '';
  #client: TestClient<'anvil', Transport> | undefined;

  constructor(init: EmbeddedChainInit = {}) {
    this.#init = init;
  }

  /** Where JSON-RPC is spoken, once started. */
  get url(): string {
    return this.#url;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Error: `CHAIN_START_FAILED`. */
  async start({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const { accounts = ACCOUNTS, blockTimeSeconds, onDemand, isFifo, timestamp, port = 0 } = this.#init;
    const args = ['--host', '127.0.0.1', '--port', String(port), '--accounts', String(accounts)];
    args.push('--prune-history', String(HISTORY_BLOCKS), '--no-request-size-limit');
    if (blockTimeSeconds !== undefined) args.push('--block-time', String(blockTimeSeconds));
    if (onDemand) args.push('--no-mining');
    if (isFifo) args.push('--order', 'fifo');
    if (timestamp !== undefined) args.push('--timestamp', String(timestamp));
    const child = spawn(anvilProgram(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    // A program that ends without stopping it must not leave it behind.
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    try {
      this.#url = await listening(child, signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#client = createTestClient({ mode: 'anvil', transport: this.transport() });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#client = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const cancel = systemClock.schedule(STOP_TIMEOUT_MS, () => child.kill('SIGKILL'));
    await ended;
    cancel();
  }

  /** A viem transport to this chain. */
  transport(): Transport {
    return http(this.#url, { timeout: REQUEST_TIMEOUT_MS, retryCount: 0 });
  }

  /** Mines blocks, `interval` seconds apart. */
  async mine(blocks: number, interval = 1): Promise<void> {
    await this.#test().mine({ blocks, interval });
  }

  /** Mines one block at a point in time, in seconds since 1970, which must be after the last block. */
  async mineAt(timestamp: bigint): Promise<void> {
    await this.#test().setNextBlockTimestamp({ timestamp });
    await this.#test().mine({ blocks: 1 });
  }

  /** Sets the time of the next block, in seconds since 1970. */
  async setNextTimestamp(timestamp: bigint): Promise<void> {
    await this.#test().setNextBlockTimestamp({ timestamp });
  }

  /** Keeps the state; `revert` goes back to it once. */
  snapshot(): Promise<`0x${string}`> {
    return this.#test().snapshot();
  }

  async revert(id: `0x${string}`): Promise<void> {
    await this.#test().revert({ id });
  }

  #test(): TestClient<'anvil', Transport> {
    if (!this.#client) throw new ContractsError('CHAIN_START_FAILED', 'The chain is not running');
    return this.#client;
  }
}

/** Reads where anvil listens from what it prints. */
function listening(child: ChildProcess, signal: AbortSignal | undefined): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const failed = (why: string, cause?: unknown) =>
    reject(new ContractsError('CHAIN_START_FAILED', `Anvil did not start: ${why}`, { why }, { cause }));
  const cancel = systemClock.schedule(START_TIMEOUT_MS, () => failed('it was silent for too long'));
  const aborted = () => reject(signal?.reason);
  let said = '';
  child.once('error', (error) => failed(error.message, error));
  const ended = (code: number | null) => failed(`it ended with ${code}. ${said}`);
  child.once('exit', ended);
  child.stderr?.on('data', (data) => {
    said = `${said}${data}`.slice(-1000);
  });
  const lines = createInterface({ input: child.stdout! });
  lines.on('line', (line) => {
    const found = /^Listening on (\S+)/.exec(line);
    if (found) resolve(`http://${found[1]}`);
  });
  signal?.addEventListener('abort', aborted, { once: true });
  return promise.finally(() => {
    cancel();
    signal?.removeEventListener('abort', aborted);
    child.off('exit', ended);
    // What it goes on printing is read and dropped: a full pipe would stop it.
    lines.removeAllListeners('line');
  });
}
