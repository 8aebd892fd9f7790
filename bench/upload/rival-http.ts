/**
 * The rival of `upload`: a bare node:http server on one thread. It cuts the body into blocks of 64 KiB, hashes each with
 * SHA-256, keeps the digests, and appends the blocks to one file, waiting whenever the file has no room. With `synced` it
 * syncs the file before it answers, which is what a store must do before it may say that data is safe.
 */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endWithParent, tell } from '../src/rival-process.ts';

const BLOCK_BYTES = 64 * 1024;
const WRITE_BUFFER_BYTES = 1024 * 1024;
const [directory = '.', mode] = process.argv.slice(2);

let uploads = 0;
const server = createServer(async (request, response) => {
  const path = `${directory}/upload-${uploads++}`;
  const file = createWriteStream(path, { highWaterMark: WRITE_BUFFER_BYTES, flush: mode === 'synced' });
  const digests: Buffer[] = [];
  let block = Buffer.allocUnsafe(BLOCK_BYTES);
  let filled = 0;
  const flush = async () => {
    const bytes = block.subarray(0, filled);
    digests.push(hash('sha256', bytes, 'buffer'));
    block = Buffer.allocUnsafe(BLOCK_BYTES);
    filled = 0;
    if (!file.write(bytes)) await once(file, 'drain');
  };
  for await (const chunk of request as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.copy(block, filled, at);
      at += taken;
      filled += taken;
      if (filled === BLOCK_BYTES) await flush();
    }
  }
  if (filled > 0) await flush();
  file.end();
  await once(file, 'close');
  response.end(hash('sha256', Buffer.concat(digests), 'hex'));
  // Ours is told to delete its upload too; neither deletion is measured.
  await rm(path);
});

endWithParent();
server.listen(0, '127.0.0.1', () => tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }));
