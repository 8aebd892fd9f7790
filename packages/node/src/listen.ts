import type { Server } from 'node:http';
import { isIPv6 } from 'node:net';
import { NodeError } from './errors.ts';

/** Connections that are still busy this long after the stop are cut. */
const CLOSE_GRACE_MS = 1000;

/** Listens, or throws LISTEN_FAILED naming the option that chooses the port. */
export function listen(
  server: Server,
  at: { readonly host: string; readonly port: number },
  option: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => reject(listenError(cause, at, option));
    server.once('error', onError);
    server.listen(at.port, at.host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/** LISTEN_FAILED for the error of a socket. */
export function listenError(
  cause: NodeJS.ErrnoException,
  at: { readonly host: string; readonly port: number },
  option: string,
): NodeError {
  const reason = cause.code === 'EADDRINUSE' ? 'the port is taken' : cause.message;
  const message = `Cannot listen on ${at.host}:${at.port}: ${reason}; choose another with --${option}`;
  return new NodeError('LISTEN_FAILED', message, { ...at, option }, { cause });
}

/** The URL that reaches a listening server from this machine. */
export function serverUrl(server: Server, host: string): string {
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIPv6(name) ? `[${name}]` : name}:${port}`;
}

/** Stops a server: no new connections, idle ones closed at once, busy ones after a grace. Harmless when not listening. */
export function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
