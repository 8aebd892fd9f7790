/**
 * Stands in for a node where a test needs one that misbehaves: `--stub=exit`, `hang` (never ready), `stubborn` (ignores
 * SIGTERM), `corrupt` (flips a bit of what it fetches), `truncate`, `refuse` (every upload). Everything else is tested
 * with real nodes.
 */
import { createServer, get } from 'node:http';

const option = (name: string) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const mode = option('stub');
const held = new Map<string, Buffer>();
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
    response.end(JSON.stringify({ id: `peer${port}`, addrs: [`/ip4/127.0.0.1/tcp/${port}`], spr: '' }));
  } else if (path.startsWith('/connect/')) {
    peers.push(/tcp\/(\d+)/.exec(decodeURIComponent(path))?.[1] ?? '');
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
  process.stdout.write(`REST service started url=http://127.0.0.1:${(server.address() as { port: number }).port}\n`);
});
