import { Agent, request } from 'node:http';

/** One connection to a chain's JSON-RPC; requests go one after the other, batches in one piece. */
export class Rpc {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: URL;
  #nextId = 1;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  async call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const [result] = await this.batch([[method, params]]);
    return result;
  }

  /** Results in the order of the calls; the first error is thrown. */
  async batch(calls: readonly (readonly [method: string, params: readonly unknown[]])[]): Promise<unknown[]> {
    const first = this.#nextId;
    this.#nextId += calls.length;
    const body = calls.map(([method, params], at) => ({ jsonrpc: '2.0', id: first + at, method, params }));
    const answers = JSON.parse(await this.#post(JSON.stringify(body))) as {
      id: number;
      result?: unknown;
      error?: { message: string };
    }[];
    const results: unknown[] = [];
    for (const { id, result, error } of answers) {
      if (error) throw new Error(`${calls[id - first]?.[0]}: ${error.message}`);
      results[id - first] = result;
    }
    return results;
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
