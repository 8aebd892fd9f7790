import { connect, createServer, type Server, type Socket } from 'node:net';
import { FrameReader } from './frame-reader.ts';

/** What went through to the chain so far. */
export interface Traffic {
  /** Calls of JSON-RPC by method: each of a batch. */
  readonly calls: ReadonlyMap<string, number>;
  /** What the chain told unasked. */
  readonly notices: number;
}

const HEAD_END = '\r\n\r\n';
/** No request of ours has more. */
const HEAD_BYTES_MAX = 16 * 1024;

/** A port in front of a chain for one caller that counts what is called over HTTP and WebSocket, and changes nothing. */
export class CallTap {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #calls = new Map<string, number>();
  #notices = 0;
  #target: URL | undefined;
  #failure: Error | undefined;

  private constructor() {
    this.#server = createServer((socket) => this.#join(socket));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(): Promise<CallTap> {
    const tap = new CallTap();
    await new Promise<void>((resolve, reject) => {
      tap.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return tap;
  }

  /** Where the caller reaches the chain at `target`, in a scheme of its choice. */
  url(scheme: 'http' | 'ws', target: string): string {
    this.#target = new URL(target);
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The tap is closed');
    return `${scheme}://127.0.0.1:${address.port}`;
  }

  /** Throws when something went through that it could not read. */
  read(): Traffic {
    if (this.#failure) throw this.#failure;
    return { calls: new Map(this.#calls), notices: this.#notices };
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(caller: Socket): void {
    if (!this.#target) return void caller.destroy();
    const chain = connect(Number(this.#target.port), this.#target.hostname);
    const asked = new StreamReader((text) => this.#asked(text));
    const said = new StreamReader((text) => this.#said(text), asked);
    for (const [from, to, reader] of [
      [caller, chain, asked],
      [chain, caller, said],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        try {
          reader.push(chunk);
        } catch (error) {
          this.#failure ??= error as Error;
        }
      });
      from.pipe(to);
      from.once('error', () => to.destroy());
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }

  #asked(text: string): void {
    const body = JSON.parse(text) as { method: string } | { method: string }[];
    for (const { method } of Array.isArray(body) ? body : [body]) {
      this.#calls.set(method, (this.#calls.get(method) ?? 0) + 1);
    }
  }

  #said(text: string): void {
    if ((JSON.parse(text) as { method?: string }).method === 'eth_subscription') this.#notices++;
  }
}

/** One direction of a connection: heads and bodies of HTTP, or the frames of a WebSocket after the first head. */
class StreamReader {
  readonly #told: (text: string) => void;
  /** What the caller sends, of the direction in which the chain answers: only that says what follows. */
  readonly #asked: StreamReader | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  #frames: FrameReader | undefined;

  constructor(told: (text: string) => void, asked?: StreamReader) {
    this.#told = told;
    this.#asked = asked;
  }

  get isWebSocket(): boolean {
    return this.#frames !== undefined;
  }

  push(chunk: Buffer): void {
    if (this.#frames) {
      this.#frames.push(chunk);
      return;
    }
    // Answers over HTTP are none of its business.
    if (this.#asked && !this.#asked.isWebSocket) return;
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    while (this.#buffer.length > 0 && !this.#frames) {
      const head = this.#buffer.indexOf(HEAD_END);
      if (head < 0) {
        if (this.#buffer.length > HEAD_BYTES_MAX) throw new Error('A head without an end');
        return;
      }
      const lines = this.#buffer.toString('latin1', 0, head);
      const start = head + HEAD_END.length;
      if (/^upgrade: *websocket/im.test(lines)) {
        const rest = this.#buffer.subarray(start);
        this.#frames = new FrameReader(this.#told);
        this.#frames.push(rest);
        return;
      }
      const length = Number(/^content-length: *(\d+)/im.exec(lines)?.[1] ?? Number.NaN);
      if (!Number.isSafeInteger(length)) throw new Error('A body of unknown length');
      if (this.#buffer.length < start + length) return;
      this.#told(this.#buffer.toString('utf8', start, start + length));
      this.#buffer = this.#buffer.subarray(start + length);
    }
  }
}
