import { type AbortOptions, raceSignal } from '@codex/runtime';
import type { Connection, ConnectionInit } from './connection.ts';
import { EndpointFailure, pairAnswers, type RpcAnswer, type RpcCall } from './json-rpc.ts';

interface Waiting {
  readonly answered: (answer: RpcAnswer) => void;
  readonly failed: (error: EndpointFailure) => void;
}

/** Calls without an answer; more are refused. */
const WAITING_MAX = 4096;

/**
 * JSON-RPC over a WebSocket, opened when it is needed and again after it was lost. It asks to be told of new heads, and hands on what is said
 * of them.
 */
export class WebSocketConnection implements Connection {
  readonly #init: ConnectionInit;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Promise<WebSocket> | undefined;
  /** The one that is in use; what happens to those before it is of no interest. */
  #current: WebSocket | undefined;
  #isOpen = false;
  #id = 1;
  #closed = false;

  constructor(init: ConnectionInit) {
    this.#init = init;
  }

  async send(calls: readonly RpcCall[], { signal }: AbortOptions): Promise<readonly RpcAnswer[]> {
    const socket = await raceSignal(this.#connect(), signal);
    // Lost in the meantime: what is sent there is never answered.
    if (socket !== this.#current) throw new EndpointFailure('unreachable', 'the socket was closed');
    if (this.#waiting.size + calls.length > WAITING_MAX) throw new EndpointFailure('rate-limited', 'too many calls');
    const ids: number[] = [];
    const answers = calls.map((call) => {
      const id = this.#id++;
      ids.push(id);
      return this.#ask(socket, id, call);
    });
    try {
      return await raceSignal(Promise.all(answers), signal);
    } catch (error) {
      if (error instanceof EndpointFailure) throw error;
      throw new EndpointFailure('unreachable', (error as Error).message, { cause: error });
    } finally {
      for (const id of ids) this.#waiting.delete(id);
    }
  }

  close(): void {
    this.#closed = true;
    const opening = this.#socket;
    this.#lost('closed');
    opening?.then((socket) => socket.close()).catch(() => {});
  }

  #ask(socket: WebSocket, id: number, { method, params = [] }: RpcCall): Promise<RpcAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<RpcAnswer>();
    // Whoever waits for all is told of the first; the others must not go unheard.
    promise.catch(() => {});
    this.#waiting.set(id, { answered: resolve, failed: reject });
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return promise;
  }

  #connect(): Promise<WebSocket> {
    if (this.#closed) return Promise.reject(new EndpointFailure('unreachable', 'closed'));
    this.#socket ??= new Promise((resolve, reject) => {
      let socket: WebSocket;
      try {
        socket = new WebSocket(this.#init.url);
      } catch (error) {
        this.#socket = undefined;
        reject(new EndpointFailure('unreachable', (error as Error).message));
        return;
      }
      this.#current = socket;
      const gone = (why: string) => {
        reject(new EndpointFailure('unreachable', why));
        if (this.#current === socket) this.#lost(why);
      };
      socket.addEventListener('open', () => {
        if (this.#current !== socket) return socket.close();
        this.#isOpen = true;
        // Not to be told is no harm: heads are asked for as well.
        this.#ask(socket, this.#id++, { method: 'eth_subscribe', params: ['newHeads'] });
        resolve(socket);
      });
      socket.addEventListener('message', ({ data }) => {
        if (this.#current === socket) this.#heard(data);
      });
      socket.addEventListener('error', () => gone('the socket failed'));
      socket.addEventListener('close', () => gone('the socket was closed'));
    });
    return this.#socket;
  }

  #heard(data: unknown): void {
    let message: unknown;
    try {
      message = JSON.parse(String(data));
    } catch {
      return;
    }
    const { id, method, params } = (message ?? {}) as { id?: unknown; method?: unknown; params?: { result?: unknown } };
    if (method === 'eth_subscription') this.#init.onHead(params?.result);
    if (typeof id !== 'number') return;
    const [answer] = pairAnswers([message], id, 1);
    if (!answer) return;
    this.#waiting.get(id)?.answered(answer);
    this.#waiting.delete(id);
  }

  #lost(why: string): void {
    const wasOpen = this.#isOpen;
    this.#socket = undefined;
    this.#current = undefined;
    this.#isOpen = false;
    const failure = new EndpointFailure('unreachable', why);
    for (const { failed } of this.#waiting.values()) failed(failure);
    this.#waiting.clear();
    this.#init.onLost();
    // Nothing is told from now on: whoever asks opens it again.
    if (wasOpen && !this.#closed) this.#init.onHead(undefined);
  }
}
