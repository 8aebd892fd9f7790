import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Random, seededRandom } from '@codex/runtime';

/** What goes wrong; numbers without a unit are probabilities for each HTTP request. */
export interface RpcFaults {
  /** Nothing is answered at all. */
  readonly isDown?: boolean;
  /** 429. */
  readonly tooMany?: number;
  /** 503. */
  readonly unavailable?: number;
  /** The connection ends before anything is done. */
  readonly dropBefore?: number;
  /** It was done, and the answer is lost. */
  readonly dropAfter?: number;
  /** Answers come up to this much later, by chance. */
  readonly lateMs?: number;
  /** It answers as a back end does that knows so many blocks less. */
  readonly lagBlocks?: number;
  /** A transaction is handed to the chain twice. */
  readonly repeatSend?: number;
}

export interface RpcCall {
  readonly id?: unknown;
  readonly method: string;
  readonly params?: readonly unknown[];
}

export interface RpcGatewayInit {
  /** URL of the chain. */
  readonly target: string;
  /** The same seed is unlucky in the same way. */
  readonly seed?: number;
  /** Is told of each call before the chain sees it, which waits for what it returns; if it throws the chain never does, and the connection ends. */
  readonly onCall?: (call: RpcCall) => void | Promise<void>;
  /** Is told of each call that the chain has answered, before the caller sees it; if it throws the caller never does. */
  readonly onAnswer?: (call: RpcCall) => void | Promise<void>;
}

type Answer = Record<string, unknown> & { readonly result?: unknown };

const SEND = 'eth_sendRawTransaction';
const HEADERS = { 'content-type': 'application/json' };
const hex = (value: number) => `0x${value.toString(16)}`;
const isTag = (value: unknown) => value === 'latest' || value === 'pending' || value === undefined;

/** A JSON-RPC end point (HTTP) in front of a chain for one caller: it counts, and fails at will. */
export class RpcGateway {
  readonly #init: RpcGatewayInit;
  readonly #random: Random;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #counts = new Map<string, number>();
  #requests = 0;
  #faults: RpcFaults = {};

  private constructor(init: RpcGatewayInit) {
    this.#init = init;
    this.#random = seededRandom(init.seed ?? 1);
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => request.socket.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(init: RpcGatewayInit): Promise<RpcGateway> {
    const gateway = new RpcGateway(init);
    await new Promise<void>((resolve, reject) => {
      gateway.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** HTTP requests so far: a batch is one. */
  get requests(): number {
    return this.#requests;
  }

  /** Calls so far, by method: each of a batch, also those that were refused or lost here. */
  counts(): ReadonlyMap<string, number> {
    return new Map(this.#counts);
  }

  /** What goes wrong from now on, in place of what did before. */
  faults(faults: RpcFaults): void {
    this.#faults = faults;
    if (faults.isDown) this.#hangUp();
  }

  async stop(): Promise<void> {
    this.#hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as RpcCall | readonly RpcCall[];
    const calls: readonly RpcCall[] = 'method' in body ? [body] : body;
    this.#requests++;
    for (const { method } of calls) this.#counts.set(method, (this.#counts.get(method) ?? 0) + 1);
    const { isDown, dropBefore, tooMany, unavailable, lateMs = 0 } = this.#faults;
    if (isDown || this.#happens(dropBefore)) return void request.socket.destroy();
    if (this.#happens(tooMany)) return void response.writeHead(429, { 'retry-after': '1' }).end();
    if (this.#happens(unavailable)) return void response.writeHead(503).end();
    if (lateMs > 0) await sleep(this.#random.float() * lateMs);
    for (const call of calls) await this.#init.onCall?.(call);
    const answer = await this.#answer(body);
    for (const call of calls) await this.#init.onAnswer?.(call);
    if (this.#faults.isDown || this.#happens(this.#faults.dropAfter)) return void request.socket.destroy();
    response.writeHead(200, HEADERS).end(answer);
  }

  async #answer(body: RpcCall | readonly RpcCall[]): Promise<string> {
    const { lagBlocks = 0, repeatSend } = this.#faults;
    if ('method' in body && body.method === SEND && this.#happens(repeatSend)) await this.#ask(body);
    if (lagBlocks === 0) return this.#ask(body);
    const head = Math.max(0, Number((await this.#one('eth_blockNumber', [])).result) - lagBlocks);
    if ('method' in body) return JSON.stringify(await this.#lagging(body, head));
    return JSON.stringify(await Promise.all(body.map((call) => this.#lagging(call, head))));
  }

  /** As a back end answers whose newest block is `head`. */
  async #lagging({ id, method, params = [] }: RpcCall, head: number): Promise<Answer> {
    const beyond = (number: unknown) => number !== undefined && Number(number) > head;
    const ask = async (changed: readonly unknown[]) => ({ ...(await this.#one(method, changed)), id });
    const say = (result: unknown) => ({ jsonrpc: '2.0', id, result });
    switch (method) {
      case 'eth_blockNumber':
        return say(hex(head));
      case 'eth_getBlockByNumber':
        if (isTag(params[0])) return ask([hex(head), params[1]]);
        return beyond(params[0]) ? say(null) : ask(params);
      case 'eth_getTransactionReceipt': {
        const answer = await ask(params);
        return beyond((answer.result as { blockNumber?: string } | null)?.blockNumber) ? say(null) : answer;
      }
      case 'eth_getLogs': {
        const [filter] = params as [Record<string, string>];
        // What is beyond its head it leaves out without a word.
        if (!filter.blockHash) return ask([{ ...filter, toBlock: hex(Math.min(head, Number(filter.toBlock))) }]);
        const block = (await this.#one('eth_getBlockByHash', [filter.blockHash, false])).result;
        const isUnknown = beyond((block as { number?: string } | null)?.number);
        return isUnknown ? { jsonrpc: '2.0', id, error: { code: -32000, message: 'unknown block' } } : ask(params);
      }
      case 'eth_getTransactionCount':
      case 'eth_call':
      case 'eth_estimateGas':
        return ask([params[0], isTag(params[1]) ? hex(head) : params[1]]);
      default:
        return ask(params);
    }
  }

  async #one(method: string, params: readonly unknown[]): Promise<Answer> {
    return JSON.parse(await this.#ask({ id: 0, method, params })) as Answer;
  }

  async #ask(body: RpcCall | readonly RpcCall[]): Promise<string> {
    const stated = 'method' in body ? { jsonrpc: '2.0', ...body } : body.map((call) => ({ jsonrpc: '2.0', ...call }));
    const answer = await fetch(this.#init.target, { method: 'POST', headers: HEADERS, body: JSON.stringify(stated) });
    return answer.text();
  }

  #happens(probability = 0): boolean {
    return probability > 0 && this.#random.float() < probability;
  }
}
