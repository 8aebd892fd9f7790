/**
 * A line between two nodes, in a process of its own: it accepts connections on 127.0.0.1 and hands their bytes on to
 * `PORT`, each direction at a given rate and with a delay. `delay-line.ts PORT BYTES_PER_SECOND ONE_WAY_MS`.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { endWithParent, tell } from '../src/rival-process.ts';

/** What waits at the head of the line, as in a router; then the sender has to wait. 20 ms of 100 Mbit/s. */
const QUEUE_BYTES = 256 * 1024;

const [port = 0, bytesPerSecond = 0, oneWayMs = 0] = process.argv.slice(2).map(Number);

/** Hands on what `from` sends: a piece leaves when the line is free, and arrives `oneWayMs` later. */
function carry(from: Socket, to: Socket): void {
  let freeAt = 0;
  let queued = 0;
  from.on('data', (piece: Buffer) => {
    const now = performance.now();
    freeAt = Math.max(now, freeAt) + (piece.length * 1000) / bytesPerSecond;
    queued += piece.length;
    if (queued > QUEUE_BYTES) from.pause();
    at(freeAt, () => {
      queued -= piece.length;
      if (queued <= QUEUE_BYTES) from.resume();
    });
    at(freeAt + oneWayMs, () => to.writable && to.write(piece));
  });
  from.once('close', () => at(freeAt + oneWayMs, () => to.destroy()));
  from.on('error', () => {});
}

interface Due {
  readonly when: number;
  readonly run: () => void;
}
/** In order of time. */
const due: Due[] = [];
let timer: NodeJS.Timeout | undefined;

function at(when: number, run: () => void): void {
  let i = due.length;
  while (i > 0 && due[i - 1]!.when > when) i--;
  due.splice(i, 0, { when, run });
  if (i === 0) wait();
}

function wait(): void {
  clearTimeout(timer);
  const next = due[0];
  if (next) timer = setTimeout(runDue, Math.max(0, next.when - performance.now()));
}

function runDue(): void {
  const now = performance.now();
  while (due.length > 0 && due[0]!.when <= now) due.shift()!.run();
  wait();
}

endWithParent();
const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ host: '127.0.0.1', port, noDelay: true });
  carry(near, far);
  carry(far, near);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
tell({ port: (server.address() as { port: number }).port });
