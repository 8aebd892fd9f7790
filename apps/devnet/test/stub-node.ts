/**
 * Stands in for a node where a test needs one that misbehaves: `--stub=exit`, `hang` (never ready), `stubborn` (ignores
 * SIGTERM), `corrupt` (flips a bit of what it fetches), `truncate`, `refuse` (every upload). Everything else is tested
 * with real nodes.
 */
import { createServer, get } from 'node:http';

const option = (name: string) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const mode = option('stub');
const held = new Map<string, Buffer>();
/** Ports of the others: of the one whose record was given, and of those that were given this one's. */
const peers: string[] = [];

if (mode === 'exit') {
  process.stderr.write('the disk is on fire\n');
  process.exit(7);
}
process.on('SIGTERM', () => {
  if (mode !== 'stubborn') process.exit(0);
});

const fetchFrom = (port: string, cid: string) =>
  new Promise<Buffer>((resolve, reject) => {
    get(`http://127.0.0.1:${port}/api/codex/v1/data/${cid}`, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
    }).on('error', reject);
  });

const server = createServer(async (request, response) => {
  const path = (request.url ?? '').replace('/api/codex/v1', '');
  const port = (server.address() as { port: number }).port;
  if (path === '/debug/info') {
    const nodes = peers.map((other) => ({ peerId: `peer${other}`, seen: true }));
    const table = { localNode: { address: `127.0.0.1:${port}` }, nodes };
    const addrs = [`/ip4/127.0.0.1/tcp/${port}`];
    response.end(JSON.stringify({ id: `peer${port}`, addrs, spr: `spr:${port}`, table }));
  } else if (path.startsWith('/hello/')) {
    peers.push(path.slice('/hello/'.length));
    response.end();
  } else if (path.startsWith('/connect/')) {
    response.end();
  } else if (request.method === 'POST') {
    if (mode === 'refuse') {
      response.writeHead(500).end('Unable to store block');
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    held.set('zStub', Buffer.concat(chunks));
    response.end('zStub');
  } else {
    const mine = held.get('zStub');
    const bytes = Buffer.from(mine ?? (await fetchFrom(peers[0] ?? '', 'zStub')));
    if (mode === 'corrupt' && !mine) bytes[bytes.length - 1] = ~bytes[bytes.length - 1]!;
    if (mode === 'truncate' && !mine) {
      response.writeHead(200, { 'Content-Length': bytes.length });
      response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
      return;
    }
    response.end(bytes);
  }
});
server.listen(Number(option('api-port')), '127.0.0.1', () => {
  if (mode === 'hang') return;
  const { port } = server.address() as { port: number };
  const bootstrap = option('bootstrap-node')?.slice('spr:'.length);
  const say = () => process.stdout.write(`REST service started url=http://127.0.0.1:${port}\n`);
  if (bootstrap === undefined) {
    say();
    return;
  }
  peers.push(bootstrap);
  get(`http://127.0.0.1:${bootstrap}/hello/${port}`, (response) => response.resume().once('end', say)).on('error', say);
});
