import { type AbortOptions, type Logger, Semaphore } from '@codex/runtime';
import { type Header, parseHeader, toQuantity } from '../blocks/header.ts';
import type { Address, Hex, TracedEvent } from '../marketplace.ts';
import { isTooWide } from '../rpc/json-rpc.ts';
import { type RpcPool, RpcRefusal } from '../rpc/rpc-pool.ts';
import { bloomTest } from './bloom.ts';
import { decodeLog, TOPICS } from './event-decoder.ts';

export interface MarketLogsComponents {
  readonly pool: RpcPool;
  readonly logger: Logger;
}

/** Events of blocks that are remembered: several followers read the same new blocks. */
const REMEMBERED_BLOCKS = 256;
/** The first page of history … */
const PAGE_BLOCKS = 512;
/** … which grows to this while answers are short. */
const PAGE_BLOCKS_MAX = 8192;
/** More logs than this in an answer would hold up the event loop: the next page is smaller. */
const PAGE_LOGS_MAX = 500;
/** Logs that are decoded between two turns of the event loop: some microseconds each. */
const DECODED_AT_ONCE = 64;
/** Times that a block whose filter promises logs, and that seems to have none, is asked for. */
const DOUBTS_MAX = 3;
/** Blocks that are asked for in one request. */
const BLOCKS_AT_ONCE = 32;

/**
 * The marketplace's events in blocks. New blocks are asked for by their hash, which no back end answers that does not know them. Where the
 * filters in the headers have proved right they save most of the questions, and tell of answers that are too short.
 */
export class MarketLogs {
  readonly #c: MarketLogsComponents;
  readonly #address: Address;
  readonly #mayHave: (bloom: Hex) => boolean;
  readonly #remembered = new Map<Hex, readonly TracedEvent[]>();
  readonly #turns = new Semaphore(1);
  #blooms: 'unproven' | 'proven' | 'refuted' = 'unproven';
  #pageBlocks = PAGE_BLOCKS;

  constructor(components: MarketLogsComponents, init: { readonly address: Address }) {
    this.#c = components;
    this.#address = init.address;
    this.#mayHave = bloomTest(init.address, TOPICS);
  }

  /** The events of blocks, in order. Errors: those of `RpcPool.batch`; `RpcRefusal`. */
  async ofBlocks(headers: readonly Header[], options: AbortOptions = {}): Promise<readonly TracedEvent[]> {
    // What one follower has asked for, the next one finds remembered.
    return this.#turns.run(async () => {
      const found = new Map<Hex, readonly TracedEvent[]>();
      const asked: Header[] = [];
      for (const header of headers) {
        const events = this.#remembered.get(header.hash);
        if (events) found.set(header.hash, events);
        else if (this.#isAsked(header)) asked.push(header);
      }
      for (let at = 0; at < asked.length; at += BLOCKS_AT_ONCE) {
        await this.#ask(asked.slice(at, at + BLOCKS_AT_ONCE), found, options);
      }
      return headers.flatMap(({ hash }) => found.get(hash) ?? []);
    }, options);
  }

  /**
   * The events of a page of old blocks, from `from` on and at most up to `limit`, and the last block of the page. Undefined: the back end
   * does not know the blocks. Errors: as `ofBlocks`.
   */
  async page(
    from: bigint,
    limit: bigint,
    options: AbortOptions = {},
  ): Promise<{ events: readonly TracedEvent[]; last: Header } | undefined> {
    for (;;) {
      const blocks = BigInt(this.#pageBlocks);
      const to = limit - from >= blocks ? from + blocks - 1n : limit;
      const filter = { address: this.#address, topics: [TOPICS], fromBlock: toQuantity(from), toBlock: toQuantity(to) };
      // Its last block comes with it: a back end that does not know that one has not all of the logs.
      const [logs, block] = await this.#c.pool.batch(
        [
          { method: 'eth_getLogs', params: [filter] },
          { method: 'eth_getBlockByNumber', params: [toQuantity(to), false] },
        ],
        options,
      );
      if (logs?.error) {
        if (!isTooWide(logs.error) || this.#pageBlocks === 1) throw new RpcRefusal(logs.error);
        this.#pageBlocks = Math.max(1, Math.floor(Number(to - from + 1n) / 2));
        continue;
      }
      const last = parseHeader(block?.result);
      if (!last || last.number !== to) return undefined;
      const events = await decodeAll(logs?.result);
      if (events.length > PAGE_LOGS_MAX) this.#pageBlocks = Math.max(1, this.#pageBlocks >> 1);
      else if (to < limit) this.#pageBlocks = Math.min(this.#pageBlocks * 2, PAGE_BLOCKS_MAX);
      return { events: events.filter(({ blockNumber }) => blockNumber >= from && blockNumber <= to), last };
    }
  }

  #isAsked({ logsBloom }: Header): boolean {
    return this.#blooms !== 'proven' || logsBloom === undefined || this.#mayHave(logsBloom);
  }

  async #ask(
    headers: readonly Header[],
    found: Map<Hex, readonly TracedEvent[]>,
    options: AbortOptions,
  ): Promise<void> {
    let asked = headers;
    for (let tries = 1; asked.length > 0; tries++) {
      const calls = asked.map(({ hash }) => {
        return { method: 'eth_getLogs', params: [{ address: this.#address, topics: [TOPICS], blockHash: hash }] };
      });
      const answers = await this.#c.pool.batch(calls, options);
      const doubtful: Header[] = [];
      for (const [i, header] of asked.entries()) {
        const { result, error } = answers[i]!;
        if (error) throw new RpcRefusal(error);
        const events = (await decodeAll(result)).filter(({ blockHash }) => blockHash === header.hash);
        const promised = header.logsBloom !== undefined && this.#mayHave(header.logsBloom);
        this.#judge(events.length > 0, promised, header);
        if (events.length === 0 && promised && tries < DOUBTS_MAX) doubtful.push(header);
        else {
          found.set(header.hash, events);
          this.#remember(header.hash, events);
        }
      }
      asked = doubtful;
    }
  }

  /** Whether the filters of this chain's headers can be relied on. */
  #judge(hasEvents: boolean, promised: boolean, header: Header): void {
    if (!hasEvents || this.#blooms === 'refuted') return;
    if (promised) {
      this.#blooms = 'proven';
      return;
    }
    this.#blooms = 'refuted';
    this.#c.logger.notice('Filters in the headers of this chain are wrong: every block is asked for', {
      block: header.number,
    });
  }

  #remember(hash: Hex, events: readonly TracedEvent[]): void {
    this.#remembered.set(hash, events);
    if (this.#remembered.size <= REMEMBERED_BLOCKS) return;
    const [oldest] = this.#remembered.keys();
    if (oldest) this.#remembered.delete(oldest);
  }
}

/** Decodes logs in whatever order and number they came: sorted, each once. */
async function decodeAll(logs: unknown): Promise<TracedEvent[]> {
  if (!Array.isArray(logs)) throw new RpcRefusal({ code: -32603, message: 'logs are no list' });
  const events = new Map<string, TracedEvent>();
  for (const [i, log] of logs.entries()) {
    if (i % DECODED_AT_ONCE === DECODED_AT_ONCE - 1) await new Promise<void>((resolve) => setImmediate(resolve));
    const event = decodeLog(log);
    if (event) events.set(`${event.blockHash}${event.transactionHash}${event.logIndex}`, event);
  }
  return [...events.values()].sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex);
}
