import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Startable } from '@codex/runtime';
import Fastify, { type FastifyInstance } from 'fastify';
import { NodeError } from '../errors.ts';
import type { ApiComponents, ApiInit } from './components.ts';
import { type ApiContext, createContext } from './context.ts';
import { createDispatcher, type Dispatcher } from './dispatch.ts';
import { createHttpServer } from './http-server.ts';
import { openApiRoute } from './openapi.ts';
import { dataRoutes } from './routes/data.ts';
import { debugRoutes } from './routes/debug.ts';
import { marketplaceRoutes } from './routes/marketplace.ts';
import { nodeRoutes } from './routes/node.ts';
import { protectionRoutes } from './routes/protection.ts';
import { slotRoutes } from './routes/slots.ts';

/** Longest path parameter that reaches a handler; the header limit is what really bounds it. */
const PARAMETER_CHARS_MAX = 8192;

/**
 * The REST API of 06 §1–4 over one HTTP server. Fastify routes; handlers get the bare request and response, because
 * bodies must flow at the speed of the socket.
 */
export class ApiServer implements Startable {
  readonly #context: ApiContext;
  readonly #init: ApiInit;
  readonly #app: FastifyInstance;
  readonly #server: Server;
  readonly #dispatcher: Dispatcher;

  private constructor(
    context: ApiContext,
    init: ApiInit,
    app: FastifyInstance,
    server: Server,
    dispatcher: Dispatcher,
  ) {
    this.#context = context;
    this.#init = init;
    this.#app = app;
    this.#server = server;
    this.#dispatcher = dispatcher;
  }

  /** Builds the routes; nothing listens before `start`. */
  static async create(components: ApiComponents, init: ApiInit): Promise<ApiServer> {
    const context = createContext(components, init);
    const routes = [
      ...dataRoutes(context),
      ...protectionRoutes(context),
      ...slotRoutes(context),
      ...nodeRoutes(context),
      ...debugRoutes(context),
      ...marketplaceRoutes(context),
    ];
    const dispatcher = createDispatcher(context);
    let server: Server | undefined;
    const app = Fastify({
      logger: false,
      exposeHeadRoutes: false,
      routerOptions: { maxParamLength: PARAMETER_CHARS_MAX },
      serverFactory: (handler) => {
        server = createHttpServer(handler, context.limits, () => context.counters.invalid.inc());
        return server;
      },
      // The server has its own; both would answer.
      clientErrorHandler: () => {},
      frameworkErrors: (_error, request, reply) => {
        reply.hijack();
        dispatcher.malformed(request.raw, reply.raw);
      },
    });
    dispatcher.register(app, [...routes, openApiRoute(routes, components.node.version)]);
    await app.ready();
    return new ApiServer(context, init, app, server!, dispatcher);
  }

  /** The port that is listened on, once started. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#init.port;
  }

  /** `http://host:port`, reachable from this machine; the routes are below `BASE_PATH`. */
  get url(): string {
    const { bindAddress } = this.#init;
    const host = bindAddress === '0.0.0.0' ? '127.0.0.1' : bindAddress === '::' ? '[::1]' : bindAddress;
    return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${this.port}`;
  }

  /** Begins to listen. Rejects with the error of the socket (`EADDRINUSE`, `EADDRNOTAVAIL`, …). */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: this.#init.bindAddress, port: this.#init.port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  /** Stops listening, gives requests under way `stopGraceMs` to end, and cuts the rest. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
    this.#server.closeIdleConnections();
    const cut = this.#context.clock.schedule(this.#context.limits.stopGraceMs, () => {
      this.#dispatcher.abort(new NodeError('API_STOPPED', 'The node is stopping'));
      this.#server.closeAllConnections();
    });
    await Promise.all([closed, this.#context.background.stop()]);
    // What a cut request still has to clean up needs the repository, which stops after this.
    await this.#dispatcher.settled();
    cut();
    await this.#app.close();
  }
}
