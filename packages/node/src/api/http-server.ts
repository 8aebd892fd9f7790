import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ApiLimits } from './limits.ts';

/** How often connections are looked at for the header timeout; it may be exceeded by so much. */
const CONNECTION_CHECK_MS = 1000;

/** A bare HTTP/1.1 server with the limits of 06: nothing a client sends can stop it or make it hold much. */
export function createHttpServer(listener: RequestListener, limits: ApiLimits, onMalformed: () => void): Server {
  const answering = new WeakMap<Duplex, ServerResponse>();
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headerTimeoutMs,
      // Uploads take as long as they take; a stalled body has its own limit (`uploadIdleMs`).
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: CONNECTION_CHECK_MS,
      noDelay: true,
    },
    (req, res) => {
      answering.set(req.socket, res);
      listener(req, res);
    },
  );
  server.maxConnections = limits.connections;
  // Without a listener Node sends `100 Continue` before a route could refuse the headers.
  server.on('checkContinue', (req, res) => server.emit('request', req, res));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code !== 'ECONNRESET') onMalformed();
    refuse(error, socket, answering.get(socket));
  });
  return server;
}

/** Answers what could not be parsed, unless an answer to something else is half way out. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex, current: ServerResponse | undefined): void {
  const midway = current?.headersSent && !current.writableFinished;
  if (error.code === 'ECONNRESET' || !socket.writable || midway) {
    socket.destroy();
    return;
  }
  socket.end(`HTTP/1.1 ${statusLine(error.code)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => {
    socket.destroy();
  });
}

function statusLine(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return '400 Bad Request';
}
