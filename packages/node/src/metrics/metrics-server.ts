import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Logger, type Startable, silentLogger } from '@codex/runtime';
import { listen, serverUrl, stopServer } from '../listen.ts';
import type { PrometheusMetrics } from './prometheus-metrics.ts';

/** Requests are small and answers quick: whoever needs longer is not a scraper. */
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;

export interface MetricsServerComponents {
  readonly metrics: PrometheusMetrics;
  /** True when the node serves: the answer of `/ready`. */
  readonly ready: () => boolean;
  readonly logger?: Logger;
}

/** Serves `/metrics`, `/health` (the process lives) and `/ready` (the node serves) on a listener of its own (07 §6). */
export class MetricsServer implements Startable {
  readonly #server: Server;
  readonly #components: MetricsServerComponents;
  readonly #init: { readonly host: string; readonly port: number };

  constructor(components: MetricsServerComponents, init: { readonly host: string; readonly port: number }) {
    this.#components = components;
    this.#init = init;
    this.#server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => {
        void this.#answer(request, response);
      },
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** `http://host:port` once started. */
  get url(): string {
    return serverUrl(this.#server, this.#init.host);
  }

  /** Error: LISTEN_FAILED. */
  async start(): Promise<void> {
    await listen(this.#server, this.#init, 'metrics-port');
    this.#components.logger?.info('Metrics server started', { url: this.url });
  }

  async stop(): Promise<void> {
    await stopServer(this.#server);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics, ready, logger = silentLogger } = this.#components;
    const path = (request.url ?? '').split('?')[0];
    const head = request.method === 'HEAD';
    const send = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
      response.end(head ? undefined : body);
    };
    if (request.method !== 'GET' && !head) return send(405, 'text/plain', 'GET only\n');
    if (path === '/health') return send(200, 'text/plain', 'OK');
    if (path === '/ready') return ready() ? send(200, 'text/plain', 'OK') : send(503, 'text/plain', 'not ready');
    if (path !== '/metrics') return send(404, 'text/plain', 'not found\n');
    try {
      send(200, metrics.contentType, await metrics.text());
    } catch (error) {
      logger.error('Exporting metrics failed', { error });
      send(500, 'text/plain', 'exporting metrics failed\n');
    }
  }
}
