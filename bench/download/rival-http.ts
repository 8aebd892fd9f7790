/** The rival of `download`: a bare node:http server that streams one file, and does nothing else. */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { endWithParent, tell } from '../src/rival-process.ts';

/** The fastest of 64 KiB, 256 KiB and 1 MiB on the machine of the README. */
const READ_BYTES = 256 * 1024;
const [path = ''] = process.argv.slice(2);
const { size } = statSync(path);

const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': size });
  pipeline(createReadStream(path, { highWaterMark: READ_BYTES }), response, () => {});
});

endWithParent();
server.listen(0, '127.0.0.1', () => tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }));
