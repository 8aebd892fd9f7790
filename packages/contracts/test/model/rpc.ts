import { Agent, request } from 'node:http';

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly data?: `0x${string}` };
}

/** One connection to a chain's JSON-RPC; requests go one after the other: a batch would be answered in any order. */
export class Rpc {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: URL;
  #nextId = 1;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  async call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const { result, error } = await this.#ask(method, params);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** The data of the error that a call ends with; undefined when it does not. */
  async errorOf(method: string, params: readonly unknown[]): Promise<`0x${string}` | undefined> {
    const { error } = await this.#ask(method, params);
    if (!error) return undefined;
    if (!error.data) throw new Error(`${method}: ${error.message}`);
    return error.data;
  }

  async #ask(method: string, params: readonly unknown[]): Promise<Answer> {
    return JSON.parse(
      await this.#post(JSON.stringify({ jsonrpc: '2.0', id: this.#nextId++, method, params })),
    ) as Answer;
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#url,
        {
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => resolve(Buffer.concat(chunks).toString()));
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }
}
