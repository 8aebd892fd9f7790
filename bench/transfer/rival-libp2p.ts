/**
 * Rival A of `transfer`: a raw js-libp2p stream on the same transport, encryption and muxer (tcp, noise, yamux) as the
 * node uses between its own kind. `serve FILE` sends the file on every stream that is opened; `fetch ADDR` opens one for
 * every message it gets, counts the bytes, and drops them: no hashing, no storing, no HTTP.
 */
import { createReadStream } from 'node:fs';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { endWithParent, tell } from '../src/rival-process.ts';

const PROTOCOL = '/codex-bench/raw/1.0.0';
const READ_BYTES = 1024 * 1024;
const [role, target = ''] = process.argv.slice(2);

const node = await createLibp2p({
  addresses: { listen: role === 'serve' ? ['/ip4/127.0.0.1/tcp/0'] : [] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
});
endWithParent();

if (role === 'serve') {
  await node.handle(PROTOCOL, async (stream) => {
    try {
      for await (const chunk of createReadStream(target, { highWaterMark: READ_BYTES })) {
        if (!stream.send(chunk as Uint8Array)) await stream.onDrain();
      }
      await stream.close();
    } catch (error) {
      stream.abort(error as Error);
    }
  });
  tell({ addr: node.getMultiaddrs()[0]?.toString() });
} else {
  const connection = await node.dial(multiaddr(target));
  process.on('message', async () => {
    const began = performance.now();
    const stream = await connection.newStream(PROTOCOL);
    let bytes = 0;
    let firstByteMs = 0;
    for await (const chunk of stream) {
      if (bytes === 0) firstByteMs = performance.now() - began;
      bytes += chunk.byteLength;
    }
    tell({ bytes, ms: performance.now() - began, firstByteMs });
  });
  tell({ ready: true });
}
