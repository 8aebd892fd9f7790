import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { anvilProgram } from '../../src/chain/anvil-program.ts';
import { Rpc } from './rpc.ts';

/** The chain begins here: a marketplace wants 256 blocks behind it. */
export const GENESIS_NUMBER = 300;
/** Seconds. */
export const GENESIS_TIMESTAMP = 1_700_000_000;
/** An answer takes a millisecond; a start on a busy machine a second or two. */
const START_MS_MAX = 30_000;
/** Of what it prints: its banner is longer, the line that counts is not. */
const CHATTER_CHARACTERS_MAX = 1000;

/**
 * A chain that mines only when told, and gives the same blocks, hashes included, for the same calls. The embedded chain of the package
 * goes by the rules of today, which bound the gas of one call; a whole block of the play with all its looks is one.
 */
export class Anvil {
  readonly rpc: Rpc;
  readonly #child: ChildProcess;
  /** A test that is broken off leaves no chain behind. */
  readonly #kill = () => this.#child.kill();

  private constructor(child: ChildProcess, rpc: Rpc) {
    this.#child = child;
    this.rpc = rpc;
    process.once('exit', this.#kill);
  }

  static async start(): Promise<Anvil> {
    const child = spawn(
      anvilProgram(),
      [
        ...['--host', '127.0.0.1', '--port', '0', '--no-mining', '--order', 'fifo', '--accounts', '1'],
        ...['--number', `${GENESIS_NUMBER}`, '--timestamp', `${GENESIS_TIMESTAMP}`, '--hardfork', 'paris'],
        ...['--disable-block-gas-limit', '--gas-price', '0', '--base-fee', '0'],
        ...['--prune-history', '2', '--transaction-block-keeper', '2'],
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const port = await portOf(child);
    return new Anvil(child, new Rpc(`http://127.0.0.1:${port}`));
  }

  async close(): Promise<void> {
    this.rpc.close();
    process.off('exit', this.#kill);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#kill();
    await ended;
  }
}

/** What it prints when it listens; the rest of its chatter is dropped. */
async function portOf(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(() => reject(new Error('anvil did not start')), START_MS_MAX);
  child.once('error', reject);
  child.once('exit', () => reject(new Error('anvil ended')));
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text = `${text}${chunk}`.slice(-CHATTER_CHARACTERS_MAX);
    const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    if (port) resolve(Number(port));
  });
  try {
    return await promise;
  } catch (error) {
    child.kill();
    throw error;
  } finally {
    clearTimeout(timer);
    child.stdout?.removeAllListeners('data').resume();
  }
}
