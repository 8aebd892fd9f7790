import { setTimeout as sleep } from 'node:timers/promises';
import { marketplaceAbi, slotIdOf, testTokenAbi } from '@codex/contracts';
import type { AbortOptions } from '@codex/runtime';
import {
  type Abi,
  createPublicClient,
  decodeEventLog,
  decodeFunctionData,
  type Hex,
  type Log,
  type Transport,
} from 'viem';
import { DevnetError } from '../errors.ts';
import { lowerCase } from './lower-case.ts';
import type { Sight } from './sight.ts';

/** Blocks come once a second. */
const POLL_MS = 250;
/** Slots of a request whose ids are known in advance; scenarios have a handful. */
const SLOTS_MAX = 64;

export interface MarketWatchInit {
  readonly transport: Transport;
  readonly marketplace: Hex;
  readonly token: Hex;
  readonly onSight?: ((sight: Sight) => void) | undefined;
}

const clientOf = (transport: Transport) => createPublicClient({ transport });

/** Reads every block of a small chain, and says what parties did on the marketplace: nothing that a node says of itself is needed. */
export class MarketWatch {
  readonly #client: ReturnType<typeof clientOf>;
  readonly #init: MarketWatchInit;
  readonly #sights: Sight[] = [];
  readonly #slots = new Map<Hex, { requestId: Hex; slotIndex: number }>();
  readonly #stopped = new AbortController();
  #next = 0n;
  #time = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;

  constructor(init: MarketWatchInit) {
    this.#init = init;
    this.#client = clientOf(init.transport);
  }

  /** Everything so far, in order. */
  get sights(): readonly Sight[] {
    return this.#sights;
  }

  /** Time of the last block that was read, seconds since 1970. */
  get time(): number {
    return this.#time;
  }

  /** From the next block on. */
  async start(): Promise<void> {
    this.#next = (await this.#client.getBlockNumber({ cacheTime: 0 })) + 1n;
    this.#running = this.#follow().catch((error) => {
      this.#failure = error;
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /**
   * Resolves with what `find` finds, which is asked after each block. Error: `STORY_STUCK` when it finds nothing for
   * `deadlineMs`.
   */
  async when<T>(
    what: string,
    find: (sights: readonly Sight[], time: number) => T | undefined,
    { deadlineMs, signal }: AbortOptions & { readonly deadlineMs: number },
  ): Promise<T> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      if (this.#failure) throw this.#failure;
      const found = find(this.#sights, this.#time);
      if (found !== undefined) return found;
      if (performance.now() > end) {
        throw new DevnetError('STORY_STUCK', `${what}: not within ${Math.round(deadlineMs / 1000)} s`, { what });
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** Units of the token that an address has. */
  balance(address: Hex): Promise<bigint> {
    return this.#client.readContract({
      address: this.#init.token,
      abi: testTokenAbi,
      functionName: 'balanceOf',
      args: [address],
    });
  }

  /** The request as the chain has it. */
  request(requestId: Hex) {
    return this.#client.readContract({
      address: this.#init.marketplace,
      abi: marketplaceAbi,
      functionName: 'getRequest',
      args: [requestId],
    });
  }

  async #follow(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const head = await this.#client.getBlockNumber({ cacheTime: 0 });
      for (; this.#next <= head; this.#next++) await this.#read(this.#next);
      await sleep(POLL_MS, undefined, { signal: this.#stopped.signal }).catch(() => {});
    }
  }

  async #read(blockNumber: bigint): Promise<void> {
    const { marketplace, token, onSight } = this.#init;
    const block = await this.#client.getBlock({ blockNumber, includeTransactions: true });
    const time = Number(block.timestamp);
    for (const transaction of block.transactions) {
      if (transaction.to?.toLowerCase() !== marketplace.toLowerCase()) continue;
      const receipt = await this.#client.getTransactionReceipt({ hash: transaction.hash });
      const logsOf = (address: Hex) =>
        receipt.logs.filter((log) => log.address.toLowerCase() === address.toLowerCase());
      const events = logsOf(marketplace).map((log) => eventOf(marketplaceAbi, log));
      for (const event of events) {
        if (event.eventName === 'StorageRequestedBy') this.#learn(event.args.requestId as Hex);
      }
      const asked = events.find(({ eventName }) => eventName === 'StorageRequestedBy');
      const call = decodeFunctionData({ abi: marketplaceAbi, data: transaction.input });
      const sight: Sight = {
        block: blockNumber,
        time,
        from: lowerCase(transaction.from),
        ok: receipt.status === 'success',
        call: call.functionName,
        args: call.args ?? [],
        ...(asked ? { requestId: asked.args.requestId as Hex } : this.#slotOf(call)),
        events: events.map(({ eventName }) => eventName),
        transfers: logsOf(token).flatMap((log) => {
          const event = eventOf(testTokenAbi, log);
          if (event.eventName !== 'Transfer') return [];
          const { from, to, value } = event.args as { from: Hex; to: Hex; value: bigint };
          return [{ from: lowerCase(from), to: lowerCase(to), amount: value }];
        }),
      };
      this.#sights.push(sight);
      onSight?.(sight);
    }
    this.#time = time;
  }

  #learn(requestId: Hex): void {
    for (let slotIndex = 0; slotIndex < SLOTS_MAX; slotIndex++) {
      this.#slots.set(slotIdOf(requestId, BigInt(slotIndex)), { requestId, slotIndex });
    }
  }

  #slotOf({ functionName, args = [] }: DecodedCall): Pick<Sight, 'requestId' | 'slotIndex'> {
    switch (functionName) {
      case 'reserveSlot':
      case 'fillSlot':
        return { requestId: args[0] as Hex, slotIndex: Number(args[1]) };
      case 'submitProof':
      case 'freeSlot':
      case 'markProofAsMissing':
        return { ...this.#slots.get(args[0] as Hex) };
      case 'withdrawFunds':
        return { requestId: args[0] as Hex };
      default:
        return {};
    }
  }
}

interface DecodedCall {
  readonly functionName: string;
  readonly args?: readonly unknown[] | undefined;
}

/** Types of 20 events at once are more than the compiler infers. */
function eventOf(abi: Abi, { data, topics }: Log) {
  return decodeEventLog({ abi, data, topics }) as unknown as { eventName: string; args: Record<string, unknown> };
}
