import type { AbortOptions, Clock, Random } from '@codex/runtime';
import type { Connect, Connection } from './connection.ts';
import { EndpointFailure, placeOf, type RpcAnswer, type RpcCall } from './json-rpc.ts';

/** The first wait after a failure; it doubles with each … */
const BACKOFF_MS = 50;
/** … up to this: an end point that came back is noticed within seconds. */
const BACKOFF_MAX_MS = 10_000;
/** It lags by a block. Behind the same address another back end may answer next, so it is asked again at once; then with longer waits … */
const BEHIND_MS = 15;
/** … of a fraction of a block's time. */
const BEHIND_MAX_MS = 300;
/** Somebody has to set it right. */
const WRONG_CHAIN_MS = 60_000;
/** An end point that asks for more is asked again anyway. */
const RETRY_AFTER_MAX_MS = 60_000;

/** One address of the pool: its connection, whether it serves the right chain, and when it may be asked again. */
export class Endpoint {
  readonly place: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #connection: Connection;
  #verified = false;
  #failures = 0;
  #behind = 0;
  /** On the monotonic clock. */
  availableAt = 0;

  constructor(
    components: { clock: Clock; random: Random; connect: Connect },
    init: { url: string; onHead: (head: unknown) => void },
  ) {
    this.place = placeOf(init.url);
    this.#clock = components.clock;
    this.#random = components.random;
    this.#connection = components.connect({
      ...init,
      onLost: () => {
        this.#verified = false;
      },
    });
  }

  /** Sends calls, after it has said which chain it serves when it is new or was lost. Error: `EndpointFailure`. */
  async send(
    calls: readonly RpcCall[],
    check: (chainId: number) => void,
    options: AbortOptions,
  ): Promise<readonly RpcAnswer[]> {
    if (!this.#verified) {
      const [answer] = await this.#connection.send([{ method: 'eth_chainId' }], options);
      const chainId = Number(answer?.result);
      if (!Number.isSafeInteger(chainId))
        throw new EndpointFailure('unreachable', 'it does not say which chain it serves');
      check(chainId);
      this.#verified = true;
    }
    return this.#connection.send(calls, options);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#behind = 0;
    this.availableAt = 0;
  }

  failed({ kind, retryAfterMs }: EndpointFailure): void {
    // Behind one address there may stand another back end now.
    if (kind === 'unreachable') this.#verified = false;
    this.availableAt = this.#clock.monotonic() + this.#delayMs(kind, retryAfterMs);
  }

  close(): void {
    this.#connection.close();
  }

  #delayMs(kind: EndpointFailure['kind'], retryAfterMs: number | undefined): number {
    if (kind === 'behind') return Math.min(BEHIND_MS * 2 ** Math.min(this.#behind++, 16), BEHIND_MAX_MS);
    if (kind === 'wrong-chain') return WRONG_CHAIN_MS;
    const doubled = Math.min(BACKOFF_MS * 2 ** Math.min(this.#failures++, 16), BACKOFF_MAX_MS);
    // Many clients of one end point must not come back all at once.
    const delay = doubled * (0.5 + this.#random.float() / 2);
    return Math.max(delay, Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS));
  }
}
