import { MarketError } from '../../errors.ts';
import type { Address, Hex, Sent } from '../marketplace.ts';
import { formatState, parseState, type StateFiles } from '../state-files.ts';
import type { Fees } from './signer.ts';

/** What is wanted of the chain, once. */
export interface Intent {
  /** Two intents of one key are the same intent while the first is in no block. */
  readonly key: string;
  readonly to: Address;
  readonly data: Hex;
  /** Of the estimate of gas, in percent. */
  readonly gasPercent: number;
  /** Tokens that it takes from the account's allowance. */
  readonly spends: bigint;
}

/** A transaction as it was sent: all attempts have the same nonce, so that one of them at most comes into a block. */
export interface Attempt {
  readonly hash: Hex;
  readonly raw: Hex;
  readonly fees: Fees;
}

export interface Settlement extends Sent {
  readonly blockHash: Hex;
}

/** An intent that was sent. */
export interface Entry {
  readonly intent: Intent;
  nonce: number;
  gas: bigint;
  attempts: readonly Attempt[];
  /** Present when it is in a block. */
  settled?: Settlement | undefined;
  /** Whoever wanted it was told. */
  isClaimed: boolean;
}

interface JournalFile {
  readonly version: 1;
  readonly account: Address;
  readonly entries: readonly Entry[];
}

/** Transactions of one account on their way; nodes keep 64 of an account or fewer. */
export const IN_FLIGHT_MAX = 64;
/** Blocks below the head in which transactions are kept, to send them again when their block falls out of the chain. */
const SETTLED_BLOCKS = 128n;
/** One each per block above, and then some. */
const SETTLED_MAX = 512;

/**
 * What was sent, on disk before it is on the wire: after a crash the same transaction is sent again, never another one for the same
 * intent.
 */
export class Journal {
  readonly #files: StateFiles;
  readonly #name: string;
  readonly #account: Address;
  #entries: Entry[] = [];

  private constructor(files: StateFiles, name: string, account: Address) {
    this.#files = files;
    this.#name = name;
    this.#account = account;
  }

  /** Error: `MARKET_STATE_UNREADABLE`: going on without it could pay twice. */
  static async open(files: StateFiles, name: string, account: Address): Promise<Journal> {
    const journal = new Journal(files, name, account);
    const text = await files.read(name);
    if (text === undefined) return journal;
    try {
      const file = parseState(text) as Partial<JournalFile>;
      if (file.version !== 1 || file.account !== account || !file.entries?.every(isEntry))
        throw new Error('other content');
      journal.#entries = [...file.entries];
    } catch (error) {
      const message = `The journal of transactions ${name} cannot be read. Without it they could be sent twice.`;
      throw new MarketError('MARKET_STATE_UNREADABLE', message, { name }, { cause: error });
    }
    return journal;
  }

  /** In no block yet, by nonce. */
  get inFlight(): readonly Entry[] {
    return this.#entries.filter(({ settled }) => !settled).sort((a, b) => a.nonce - b.nonce);
  }

  get settled(): readonly Entry[] {
    return this.#entries.filter(({ settled }) => settled);
  }

  /** The one of a key that is on its way, or that came into a block without anybody having been told. */
  unclaimed(key: string): Entry | undefined {
    return this.#entries.find(({ intent, settled, isClaimed }) => intent.key === key && !(settled && isClaimed));
  }

  /** One above the highest nonce that was used. */
  get nextNonce(): number {
    return this.#entries.reduce((next, { nonce }) => Math.max(next, nonce + 1), 0);
  }

  add(entry: Entry): Promise<void> {
    this.#entries.push(entry);
    return this.save();
  }

  remove(entry: Entry): Promise<void> {
    this.#entries = this.#entries.filter((other) => other !== entry);
    return this.save();
  }

  /** Forgets what is too deep in the chain to fall out of it. */
  prune(head: bigint): void {
    const lowest = head - SETTLED_BLOCKS;
    const kept = this.#entries.filter(({ settled }) => !settled || settled.blockNumber >= lowest);
    const tooMany = kept.length - SETTLED_MAX;
    let dropped = 0;
    this.#entries = tooMany > 0 ? kept.filter(({ settled }) => !settled || dropped++ >= tooMany) : kept;
  }

  save(): Promise<void> {
    const file: JournalFile = { version: 1, account: this.#account, entries: this.#entries };
    return this.#files.write(this.#name, formatState(file));
  }
}

function isEntry(value: unknown): value is Entry {
  const { intent, nonce, gas, attempts } = (value ?? {}) as Partial<Entry>;
  return (
    typeof intent?.key === 'string' && Number.isSafeInteger(nonce) && typeof gas === 'bigint' && Array.isArray(attempts)
  );
}
