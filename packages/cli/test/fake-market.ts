import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const CID = 'zDvZRwzmCL6A7C5VsYpvLXq8D99LMfkPEh4EwAujGx4QNftB1ADM';
export const PURCHASE = '0x04a2dbe8d7a3f3bd8e5b4c5ae0e1c3b2f1a09687786951423324150697887a6b';

/** As nodes show it (13 §1). */
export const REQUEST = {
  client: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
  ask: {
    proofProbability: '2',
    pricePerBytePerSecond: '3',
    collateralPerByte: '1',
    slots: 3,
    slotSize: 524288,
    duration: 240,
    maxSlotLoss: 1,
  },
  content: { cid: 'zDvZRwzm4Ux2DzQTw1vXAhNiRy8uN3UyjvKphPfargQfJfDUR141' },
  expiry: 90,
  nonce: `0x${'a4'.repeat(32)}`,
  id: PURCHASE,
};

export const AVAILABILITY = {
  id: `0x${'44'.repeat(32)}`,
  totalSize: 50_000_000,
  freeSize: 49_475_712,
  duration: 3600,
  minPricePerBytePerSecond: '1',
  totalCollateral: '100000000000',
  totalRemainingCollateral: '99998427136',
  enabled: true,
  until: 0,
};

export const purchase = (state: string, error: string | null = null) => ({
  requestId: PURCHASE,
  request: REQUEST,
  state,
  error,
});

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: IncomingMessage['headers'];
}

/** What the node answers: a status and a text or JSON; `break` cuts the connection. */
export type Answer = readonly [status: number, body?: unknown] | 'break';

/** A node of which only the answers are there, by `METHOD /path` without a query; a list of answers is for one question after the other. */
export class FakeMarket {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #answers: Map<string, Answer[]>;

  constructor(answers: Readonly<Record<string, Answer | readonly Answer[]>>) {
    const list = (answer: Answer | readonly Answer[]) =>
      (typeof answer !== 'string' && typeof answer[0] === 'object') || answer[0] === 'break'
        ? [...(answer as readonly Answer[])]
        : [answer as Answer];
    this.#answers = new Map(Object.entries(answers).map(([question, answer]) => [question, list(answer)]));
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const part of request.setEncoding('utf8')) text += part;
    const method = request.method ?? '';
    const path = (request.url ?? '').replace('/api/codex/v1', '');
    this.asked.push({ method, path, body: text === '' ? undefined : JSON.parse(text), headers: request.headers });
    const answers = this.#answers.get(`${method} ${path.replace(/\?.*/, '')}`) ?? [
      [404, `Nothing at ${path}`] as const,
    ];
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer === 'break') return void request.socket.destroy();
    const [status, body = ''] = answer;
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  }
}
