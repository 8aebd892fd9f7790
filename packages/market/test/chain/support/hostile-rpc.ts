import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Random, seededRandom } from '@codex/runtime';

export interface Faults {
  /** Probabilities of each, for a request. */
  readonly dropBefore?: number;
  /** It was done, and the answer is lost. */
  readonly dropAfter?: number;
  readonly tooMany?: number;
  readonly limited?: number;
  /** Answers of a batch in another order, some of them twice; logs in another order, some twice. */
  readonly isShuffled?: boolean;
  /** Blocks that each back end is behind; each request goes to another one by chance. */
  readonly lags?: readonly number[];
  /** Each call of a batch goes to a back end of its own. */
  readonly isScattered?: boolean;
  /** Queries of logs over more blocks are refused. */
  readonly logBlocksMax?: number;
  readonly hasNoBatches?: boolean;
  /** Nobody knows a pending block. */
  readonly hasNoPending?: boolean;
  /** Methods that are refused, and how. */
  readonly refused?: Readonly<Record<string, { readonly code: number; readonly message: string }>>;
  /** What else the answer to a method becomes. */
  readonly rewrite?: (method: string, params: readonly unknown[], result: unknown) => unknown;
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

type Answer = { id: number; result?: unknown; error?: unknown };

const hex = (value: number) => `0x${value.toString(16)}`;
const isTag = (value: unknown) => value === 'latest' || value === 'pending' || value === undefined;

/** A gateway in front of a chain, with several back ends that do what gateways do on bad days. HTTP and WebSocket. */
export class HostileRpc {
  readonly calls = new Map<string, number>();
  readonly seed: number;
  faults: Faults = {};
  /** Nothing is answered at all. */
  isDown = false;
  requests = 0;
  readonly #upstream: string;
  readonly #random: Random;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  #heads: NodeJS.Timeout | undefined;

  private constructor(upstream: string, seed: number) {
    this.#upstream = upstream;
    this.seed = seed;
    this.#random = seededRandom(seed);
    this.#server = createServer((request, response) => void this.#http(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request, socket) => this.#webSocket(request, socket));
  }

  static async start(upstream: string, faults: Faults = {}, seed = 1): Promise<HostileRpc> {
    const proxy = new HostileRpc(upstream, seed);
    proxy.faults = faults;
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get webSocketUrl(): string {
    return this.url.replace('http', 'ws');
  }

  /** Ends all connections; new ones are taken. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    clearInterval(this.#heads);
    this.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #http(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests++;
    if (this.isDown || this.#happens(this.faults.dropBefore)) return void request.socket.destroy();
    if (this.#happens(this.faults.tooMany))
      return void response.writeHead(429, { 'retry-after': '0' }).end('slow down');
    const parsed = JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[];
    const answer = await this.#answer(parsed).catch(() => undefined);
    if (answer === undefined || this.isDown || this.#happens(this.faults.dropAfter))
      return void request.socket.destroy();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  async #answer(parsed: Call | Call[]): Promise<unknown> {
    if (Array.isArray(parsed) && this.faults.hasNoBatches) {
      return { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'batches are not supported' } };
    }
    const lag = this.#lag();
    if (!Array.isArray(parsed)) return this.#one(parsed, lag);
    const answers = await Promise.all(
      parsed.map((call) => this.#one(call, this.faults.isScattered ? this.#lag() : lag)),
    );
    return this.faults.isShuffled ? this.#shuffled(answers) : answers;
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const all = [...items];
    for (const item of items) if (this.#random.int(4) === 0) all.push(item);
    for (let i = all.length - 1; i > 0; i--) {
      const j = this.#random.int(i + 1);
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    return all;
  }

  async #one(call: Call, lag: number): Promise<Answer> {
    const { id, method } = call;
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    const refused = this.faults.refused?.[method];
    if (refused) return { id, error: refused };
    if (this.faults.hasNoPending && call.params?.[1] === 'pending' && method !== 'eth_getTransactionCount') {
      return { id, error: { code: -32602, message: 'pending block is not available' } };
    }
    const [filter] = (call.params ?? []) as [{ fromBlock?: string; toBlock?: string }?];
    const blocks = method === 'eth_getLogs' && filter ? Number(filter.toBlock) - Number(filter.fromBlock) + 1 : 0;
    if (blocks > (this.faults.logBlocksMax ?? Number.POSITIVE_INFINITY)) {
      return { id, error: { code: -32602, message: 'exceed maximum block range' } };
    }
    if (this.#happens(this.faults.limited)) return { id, error: { code: -32005, message: 'limit exceeded' } };
    if (/filter/i.test(method)) return { id, error: { code: -32000, message: 'filter not found' } };
    const answer = lag > 0 ? await this.#lagging(call, lag) : await this.#ask(call);
    const { rewrite } = this.faults;
    const result = rewrite ? rewrite(method, call.params, answer.result) : answer.result;
    const isLogs = this.faults.isShuffled && method === 'eth_getLogs' && Array.isArray(result);
    return { ...answer, ...('result' in answer && { result: isLogs ? this.#shuffled(result) : result }), id };
  }

  /** As a back end answers that knows `lag` blocks less. */
  async #lagging({ id, method, params }: Call, lag: number): Promise<Answer> {
    const head = Math.max(0, Number((await this.#ask({ id, method: 'eth_blockNumber', params: [] })).result) - lag);
    const ask = (changed: readonly unknown[]) => this.#ask({ id, method, params: changed });
    switch (method) {
      case 'eth_blockNumber':
        return { id, result: hex(head) };
      case 'eth_getBlockByNumber':
        if (isTag(params[0])) return ask([hex(head), params[1]]);
        return Number(params[0]) > head ? { id, result: null } : ask(params);
      case 'eth_getTransactionReceipt': {
        const answer = await ask(params);
        const { blockNumber } = (answer.result ?? {}) as { blockNumber?: string };
        return Number(blockNumber) > head ? { id, result: null } : answer;
      }
      case 'eth_getLogs': {
        const [filter] = params as [Record<string, string>];
        if (filter.blockHash) {
          const block = await this.#ask({ id, method: 'eth_getBlockByHash', params: [filter.blockHash, false] });
          const { number } = (block.result ?? {}) as { number?: string };
          return Number(number) > head ? { id, error: { code: -32000, message: 'unknown block' } } : ask(params);
        }
        // What is beyond its head it leaves out without a word.
        return ask([{ ...filter, toBlock: hex(Math.min(head, Number(filter.toBlock))) }]);
      }
      case 'eth_getTransactionCount':
      case 'eth_call':
      case 'eth_estimateGas':
        return ask([params[0], isTag(params[1]) ? hex(head) : params[1]]);
      default:
        return ask(params);
    }
  }

  async #ask(call: Call): Promise<Answer> {
    const body = JSON.stringify({ jsonrpc: '2.0', ...call });
    const headers = { 'content-type': 'application/json' };
    return (await (await fetch(this.#upstream, { method: 'POST', headers, body })).json()) as Answer;
  }

  #lag(): number {
    const { lags = [0] } = this.faults;
    return lags[this.#random.int(lags.length)]!;
  }

  #happens(probability = 0): boolean {
    return this.#random.float() < probability;
  }

  // WebSocket: text frames, as a small server needs them.

  #webSocket(request: IncomingMessage, socket: Duplex): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    // A connection stays with one back end.
    const lag = this.#lag();
    let rest = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      for (let frame = readFrame(rest); frame; frame = readFrame(rest)) {
        rest = rest.subarray(frame.size);
        if (frame.opcode === 8) socket.end();
        if (frame.opcode === 1) void this.#message(frame.text, socket, lag);
      }
    });
  }

  async #message(text: string, socket: Duplex, lag: number): Promise<void> {
    this.requests++;
    const call = JSON.parse(text) as Call;
    if (this.isDown || this.#happens(this.faults.dropBefore)) return void socket.destroy();
    if (call.method === 'eth_subscribe') {
      socket.write(frameOf(JSON.stringify({ jsonrpc: '2.0', id: call.id, result: '0x1' })));
      return this.#subscribe(socket);
    }
    const answer = await this.#one(call, lag).catch(() => undefined);
    if (answer === undefined || this.#happens(this.faults.dropAfter)) return void socket.destroy();
    if (!socket.destroyed) socket.write(frameOf(JSON.stringify({ jsonrpc: '2.0', ...answer })));
  }

  #subscribe(socket: Duplex): void {
    let last: unknown;
    const timer = setInterval(async () => {
      if (socket.destroyed) return clearInterval(timer);
      const latest = ['latest', false];
      const { result } = await this.#ask({ id: 0, method: 'eth_getBlockByNumber', params: latest }).catch(() => ({
        result: undefined,
      }));
      const { hash } = (result ?? {}) as { hash?: unknown };
      if (hash === undefined || hash === last || socket.destroyed) return;
      last = hash;
      const params = { subscription: '0x1', result };
      socket.write(frameOf(JSON.stringify({ jsonrpc: '2.0', method: 'eth_subscription', params })));
    }, 20);
    socket.once('close', () => clearInterval(timer));
    this.#heads = timer;
  }
}

function readFrame(data: Buffer): { opcode: number; text: string; size: number } | undefined {
  if (data.length < 6) return undefined;
  let length = data[1]! & 0x7f;
  let at = 2;
  if (length === 126) {
    length = data.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (data.length < 10) return undefined;
    length = Number(data.readBigUInt64BE(2));
    at = 10;
  }
  if (data.length < at + 4 + length) return undefined;
  const mask = data.subarray(at, at + 4);
  const payload = data.subarray(at + 4, at + 4 + length).map((byte, i) => byte ^ mask[i % 4]!);
  return { opcode: data[0]! & 0x0f, text: Buffer.from(payload).toString(), size: at + 4 + length };
}

function frameOf(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  head[0] = 0x81;
  if (payload.length < 126) head[1] = payload.length;
  else if (payload.length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, payload]);
}
