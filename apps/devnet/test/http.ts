import { type IncomingHttpHeaders, request } from 'node:http';

const BASE = '/api/codex/v1';

export interface Ask {
  readonly method?: string;
  /** Below the base path of the API. */
  readonly path: string;
  readonly headers?: Record<string, string | number>;
  readonly body?: Uint8Array | string;
  /** Takes the body of a good answer piece by piece, instead of having it collected. */
  readonly onData?: (piece: Buffer) => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request on a connection of its own. Resolves with any status; rejects when the connection breaks. */
export function ask(url: string, { method = 'GET', path, headers = {}, body, onData }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(`${url}${BASE}${path}`, { method, headers, agent: false }, (res) => {
      const pieces: Buffer[] = [];
      const status = res.statusCode ?? 0;
      res.on('data', onData && status < 300 ? onData : (piece: Buffer) => pieces.push(piece));
      res.on('end', () => {
        if (res.complete) resolve({ status, headers: res.headers, body: Buffer.concat(pieces) });
        else reject(new Error('The answer is cut off'));
      });
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}
