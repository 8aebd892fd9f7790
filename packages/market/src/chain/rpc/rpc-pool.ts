import type { AbortOptions, Cancel, Clock, Logger, Random } from '@codex/runtime';
import { MarketError } from '../../errors.ts';
import type { ChainMetrics } from '../metrics.ts';
import type { Connect } from './connection.ts';
import { Endpoint } from './endpoint.ts';
import { HttpConnection } from './http-connection.ts';
import { EndpointFailure, type RpcAnswer, type RpcCall, type RpcErrorBody, transientKind } from './json-rpc.ts';
import { WebSocketConnection } from './websocket-connection.ts';

export interface RpcPoolComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ChainMetrics;
  /** Default: HTTP, or WebSocket where the address says so. */
  readonly connect?: Connect;
}

export interface RpcPoolInit {
  /** In the order in which they are preferred. */
  readonly urls: readonly string[];
  /** Default: the chain of the end point that answers first. */
  readonly chainId?: number | undefined;
  /** An end point that did not answer for so long is given up for another. */
  readonly timeoutMs?: number | undefined;
  /** How long all of them are tried before a call fails. */
  readonly deadlineMs?: number | undefined;
}

export interface RpcOptions extends AbortOptions {
  /** Back ends that do not know this block yet do not count. */
  readonly atLeast?: (() => bigint) | undefined;
}

/** An answer that is an error. `uncertain`: the call was sent before, and nothing is known of what came of that. */
export class RpcRefusal extends Error {
  override readonly name = 'RpcRefusal';
  readonly body: RpcErrorBody;
  readonly uncertain: boolean;

  constructor(body: RpcErrorBody, uncertain = false) {
    super(body.message);
    this.body = body;
    this.uncertain = uncertain;
  }
}

/** Slow back ends need some seconds for a page of logs. */
const TIMEOUT_MS = 10_000;
/** A restart of an end point, or a switch of networks, takes so long. */
const DEADLINE_MS = 30_000;
/** With fewer end points in reach nothing could be preferred. */
const ENDPOINTS_MAX = 16;

export const connectByUrl: Connect = (init) =>
  /^wss?:/i.test(init.url) ? new WebSocketConnection(init) : new HttpConnection(init);

/** Several ways to one chain. Each call goes to the preferred one, and to the next when that fails, lags or is tired of us. */
export class RpcPool {
  readonly #c: RpcPoolComponents;
  readonly #timeoutMs: number;
  readonly #deadlineMs: number;
  readonly #endpoints: readonly Endpoint[];
  readonly #listeners = new Set<(head: unknown) => void>();
  #chainId: number | undefined;
  #preferred = 0;

  constructor(components: RpcPoolComponents, init: RpcPoolInit) {
    this.#c = components;
    this.#chainId = init.chainId;
    this.#timeoutMs = init.timeoutMs ?? TIMEOUT_MS;
    this.#deadlineMs = init.deadlineMs ?? DEADLINE_MS;
    const connect = components.connect ?? connectByUrl;
    const onHead = (head: unknown) => {
      for (const listener of this.#listeners) listener(head);
    };
    const urls = init.urls.filter((url) => URL.canParse(url)).slice(0, ENDPOINTS_MAX);
    this.#endpoints = urls.map((url) => new Endpoint({ ...components, connect }, { url, onHead }));
  }

  /** Known after the first answer, unless it was given. */
  get chainId(): number | undefined {
    return this.#chainId;
  }

  /** Calls back whenever an end point tells of a new head, with what it says of it: whether it is true is not known. */
  onHead(listener: (head: unknown) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The preferred end point stands still: another is asked from now on. */
  avoidPreferred(): void {
    this.#preferred = (this.#preferred + 1) % Math.max(1, this.#endpoints.length);
  }

  /** Errors: `RpcRefusal`, `CHAIN_UNREACHABLE`, `CHAIN_MISMATCH`, or the signal's reason. */
  async request<T>(method: string, params: readonly unknown[] = [], options: RpcOptions = {}): Promise<T> {
    const { answers, uncertain } = await this.#send([{ method, params }], options);
    const { result, error } = answers[0]!;
    if (error) throw new RpcRefusal(error, uncertain);
    return result as T;
  }

  /** Asks one end point for all of it. What is an error among the answers is left to the caller. Errors: as `request`. */
  async batch(calls: readonly RpcCall[], options: RpcOptions = {}): Promise<readonly RpcAnswer[]> {
    if (calls.length === 0) return [];
    return (await this.#send(calls, options)).answers;
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  async #send(
    calls: readonly RpcCall[],
    { signal, atLeast }: RpcOptions,
  ): Promise<{ answers: readonly RpcAnswer[]; uncertain: boolean }> {
    const deadline = this.#c.clock.monotonic() + this.#deadlineMs;
    const isChecked = atLeast !== undefined;
    const all = isChecked ? [{ method: 'eth_blockNumber' }, ...calls] : calls;
    let uncertain = false;
    let last = new EndpointFailure('unreachable', 'there is no end point');
    for (;;) {
      signal?.throwIfAborted();
      const at = await this.#next(deadline, signal);
      if (at === undefined) throw this.#unreachable(last, calls);
      const endpoint = this.#endpoints[at]!;
      try {
        const answers = await this.#ask(endpoint, all, signal);
        if (isChecked) checkHead(answers[0]!, atLeast());
        endpoint.succeeded();
        if (this.#preferred !== at) this.#preferred = at;
        return { answers: isChecked ? answers.slice(1) : answers, uncertain };
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof EndpointFailure)) throw error;
        uncertain ||= error.kind === 'unreachable';
        last = error;
        endpoint.failed(error);
        this.#c.metrics.endpointFailures.inc(1, { kind: error.kind });
        const log = error.kind === 'wrong-chain' ? this.#c.logger.error : this.#c.logger.debug;
        log('End point of the chain failed', { place: endpoint.place, kind: error.kind, reason: error.message });
        this.#preferred = (at + 1) % this.#endpoints.length;
      }
    }
  }

  async #ask(
    endpoint: Endpoint,
    calls: readonly RpcCall[],
    signal: AbortSignal | undefined,
  ): Promise<readonly RpcAnswer[]> {
    const late = new AbortController();
    const cancel = this.#c.clock.schedule(this.#timeoutMs, () =>
      late.abort(new EndpointFailure('unreachable', 'it did not answer in time')),
    );
    this.#c.metrics.requests.inc();
    try {
      const ends = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
      const answers = await endpoint.send(calls, (chainId) => this.#check(chainId), { signal: ends });
      for (const [i, { error }] of answers.entries()) {
        const kind = error && transientKind(error);
        // Where there is no pending block, waiting for it is of no use: the caller asks for another one.
        if (!kind || (kind === 'behind' && calls[i]?.params?.includes('pending'))) continue;
        throw new EndpointFailure(kind, error.message);
      }
      return answers;
    } finally {
      cancel();
    }
  }

  #check(chainId: number): void {
    this.#chainId ??= chainId;
    if (this.#chainId === chainId) return;
    throw new EndpointFailure('wrong-chain', `it serves chain ${chainId} instead of ${this.#chainId}`);
  }

  /** The first that may be asked, from the preferred one on; waits for it, up to the deadline. */
  async #next(deadline: number, signal: AbortSignal | undefined): Promise<number | undefined> {
    const { clock } = this.#c;
    const count = this.#endpoints.length;
    let soonest: { at: number; time: number } | undefined;
    for (let i = 0; i < count; i++) {
      const at = (this.#preferred + i) % count;
      const time = this.#endpoints[at]!.availableAt;
      if (time <= clock.monotonic()) {
        if (clock.monotonic() >= deadline) return undefined;
        return at;
      }
      if (!soonest || time < soonest.time) soonest = { at, time };
    }
    if (!soonest || soonest.time >= deadline) return undefined;
    await clock.sleep(soonest.time - clock.monotonic(), { signal });
    return soonest.at;
  }

  #unreachable({ kind, message }: EndpointFailure, calls: readonly RpcCall[]): MarketError {
    const code = kind === 'wrong-chain' ? 'CHAIN_MISMATCH' : 'CHAIN_UNREACHABLE';
    const places = this.#endpoints.map(({ place }) => place);
    const data = { reason: message, kind, places, method: calls[0]?.method };
    return new MarketError(code, `No end point of the chain serves us: ${message}`, data);
  }
}

function checkHead({ result }: RpcAnswer, atLeast: bigint): void {
  const head = typeof result === 'string' ? BigInt(result) : -1n;
  if (head < atLeast) throw new EndpointFailure('behind', `it knows ${head} blocks, not ${atLeast}`);
}
