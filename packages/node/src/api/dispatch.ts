import type { IncomingMessage, ServerResponse } from 'node:http';
import { isCodexError } from '@codex/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BASE_PATH } from './base-path.ts';
import { dropBody } from './body.ts';
import type { Handler, Route } from './call.ts';
import type { ApiContext } from './context.ts';
import { hasSeveralOrigins, setCors } from './cors.ts';
import { toHttpError } from './http-errors.ts';
import { type Preflight, preflights } from './preflight.ts';
import { ERROR_TYPE, respond, sendAnswer } from './respond.ts';

/** A route as the router keeps it. */
interface Endpoint {
  readonly name: string;
  /** For Access-Control-Allow-Methods. */
  readonly methods: string;
  readonly corsHeaders: Readonly<Record<string, string>> | undefined;
  readonly handle: Handler;
}

/** What the router hands back with a request; without an endpoint no route was found. */
interface RouteConfig {
  readonly endpoint?: Endpoint;
}

export interface Dispatcher {
  register(app: FastifyInstance, routes: readonly Route[]): void;
  /** Answers a request whose path cannot be decoded. */
  malformed(req: IncomingMessage, res: ServerResponse): void;
  /** Aborts the signals of all requests under way. */
  abort(reason: Error): void;
  /** Resolves when every handler has come to its end. */
  settled(): Promise<unknown>;
}

/**
 * From the router to the handlers: everything is taken over as soon as the route is known, before the framework looks at
 * the body, so that no content type is refused and no body is buffered.
 */
export function createDispatcher(context: ApiContext): Dispatcher {
  const active = new Set<AbortController>();
  const serving = new Set<Promise<void>>();

  const handle = (request: FastifyRequest, res: ServerResponse) => {
    const { endpoint } = request.routeOptions.config as RouteConfig;
    if (!endpoint) {
      context.counters.missing.inc();
      respond(res, 404);
      void dropBody(request.raw, context.clock, context.limits);
      return;
    }
    context.counters.processed.inc();
    const served = serve(context, active, endpoint, request, res).finally(() => serving.delete(served));
    serving.add(served);
  };

  return {
    register(app, routes) {
      app.removeAllContentTypeParsers();
      app.addHook('onRequest', (request, reply) => {
        reply.hijack();
        handle(request, reply.raw);
      });
      const add = (method: Route['method'] | 'OPTIONS', path: string, endpoint: Endpoint) => {
        const config: RouteConfig = { endpoint };
        // Never reached: the hook above takes over.
        app.route({ method, url: BASE_PATH + path, config, handler: () => {} });
      };
      for (const route of routes) {
        add(route.method, route.path, {
          name: `${route.method} ${route.path}`,
          methods: route.method === 'HEAD' ? 'GET' : route.method,
          corsHeaders: route.corsHeaders,
          handle: route.handle,
        });
      }
      for (const preflight of preflights(routes)) add('OPTIONS', preflight.path, preflightEndpoint(preflight));
    },
    malformed(req, res) {
      context.counters.invalid.inc();
      respond(res, 400);
      void dropBody(req, context.clock, context.limits);
    },
    abort(reason) {
      for (const over of active) over.abort(reason);
    },
    settled: () => Promise.allSettled(serving),
  };
}

function preflightEndpoint({ path, methods, status, corsHeaders }: Preflight): Endpoint {
  return { name: `OPTIONS ${path}`, methods, corsHeaders, handle: ({ res }) => respond(res, status) };
}

async function serve(
  context: ApiContext,
  active: Set<AbortController>,
  endpoint: Endpoint,
  request: FastifyRequest,
  res: ServerResponse,
): Promise<void> {
  const req = request.raw;
  const over = new AbortController();
  active.add(over);
  res.once('close', () => {
    active.delete(over);
    over.abort(new Error('The client closed the connection'));
    context.counters.statuses.inc(1, { endpoint: endpoint.name, status: String(res.statusCode) });
  });
  // A broken connection is seen by the handler through its signal; the streams' own errors say nothing more.
  res.on('error', () => {});
  req.on('error', () => {});
  try {
    if (hasSeveralOrigins(req)) return respond(res, 400, ERROR_TYPE, 'More than one Origin header');
    if (context.corsOrigin !== undefined) {
      setCors(req, res, context.corsOrigin, endpoint.methods, endpoint.corsHeaders);
    }
    const url = req.url ?? '';
    const question = url.indexOf('?');
    await endpoint.handle({
      req,
      res,
      params: request.params as Record<string, string>,
      query: new URLSearchParams(question < 0 ? '' : url.slice(question + 1)),
      signal: over.signal,
    });
  } catch (error) {
    await fail(context, endpoint, req, res, error);
  } finally {
    void dropBody(req, context.clock, context.limits);
  }
}

/** Turns an error into an answer; when one is half way out, ending the connection is the only thing left to say. */
async function fail(
  context: ApiContext,
  endpoint: Endpoint,
  req: IncomingMessage,
  res: ServerResponse,
  error: unknown,
): Promise<void> {
  if (res.destroyed) {
    context.logger.debug('Request ended early', { endpoint: endpoint.name, error });
    return;
  }
  if (res.headersSent) {
    context.logger.warn('Response truncated', { endpoint: endpoint.name, error });
    res.destroy();
    return;
  }
  const answer = toHttpError(error);
  if (answer.status === 500 && answer !== error) {
    const level = isCodexError(error) ? 'warn' : 'error';
    context.logger[level]('Request failed', { endpoint: endpoint.name, error });
  }
  sendAnswer(res, answer.status, answer.contentType, answer.message);
  await dropBody(req, context.clock, context.limits);
  res.end();
}
