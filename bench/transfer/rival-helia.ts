/**
 * Rival B of `transfer`: Helia's bitswap on the same file, with a block store on disk on both sides and the same
 * transport, encryption and muxer. `serve FILE DIR` imports the file and prints its CID; `fetch ADDR DIR CID` reads it
 * once for every message, from an empty block store each time.
 */
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { endWithParent, tell } from '../src/rival-process.ts';
import { loadFromHelia } from './helia/load.ts';

/** What is used of Helia. */
interface Helia {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly libp2p: EventTarget & { getMultiaddrs(): { toString(): string }[]; dial(addr: unknown): Promise<unknown> };
}
interface UnixFs {
  addByteStream(source: AsyncIterable<Uint8Array>): Promise<{ toString(): string }>;
  cat(cid: unknown): AsyncIterable<Uint8Array>;
}
type Wrap = (helia: Helia, options?: object) => Helia;

const { createHeliaLight } = await loadFromHelia<{ createHeliaLight(init: object): Helia }>('helia');
const { withLibp2pLight } = await loadFromHelia<{ withLibp2pLight: Wrap }>('@helia/libp2p');
const { withBitswap } = await loadFromHelia<{ withBitswap: Wrap }>('@helia/bitswap');
const { unixfs } = await loadFromHelia<{ unixfs(helia: Helia): UnixFs }>('@helia/unixfs');
const { FsBlockstore } = await loadFromHelia<{ FsBlockstore: new (path: string) => object }>('blockstore-fs');
const { tcp } = await loadFromHelia<{ tcp(): unknown }>('@libp2p/tcp');
const { noise } = await loadFromHelia<{ noise(): unknown }>('@libp2p/noise');
const { yamux } = await loadFromHelia<{ yamux(): unknown }>('@libp2p/yamux');
const { identify } = await loadFromHelia<{ identify(): unknown }>('@libp2p/identify');
const { multiaddr } = await loadFromHelia<{ multiaddr(text: string): unknown }>('@multiformats/multiaddr');
const { CID } = await loadFromHelia<{ CID: { parse(text: string): unknown } }>('multiformats');

async function start(directory: string, listen: string[]): Promise<Helia> {
  const light = createHeliaLight({ blockstore: new FsBlockstore(directory) });
  const helia = withBitswap(
    withLibp2pLight(light, {
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      // Bitswap asks the peers that are known to speak it.
      services: { identify: identify() },
    }),
  );
  await helia.start();
  return helia;
}

endWithParent();
const [role, target = '', directory = '', cid = ''] = process.argv.slice(2);
if (role === 'serve') {
  const helia = await start(directory, ['/ip4/127.0.0.1/tcp/0']);
  const added = await unixfs(helia).addByteStream(createReadStream(target));
  tell({ cid: added.toString(), addr: helia.libp2p.getMultiaddrs()[0]?.toString() });
} else {
  process.on('message', async () => {
    const helia = await start(directory, []);
    const known = new Promise((resolve) => helia.libp2p.addEventListener('peer:identify', resolve, { once: true }));
    await helia.libp2p.dial(multiaddr(target));
    await known;
    const began = performance.now();
    let bytes = 0;
    let firstByteMs = 0;
    for await (const chunk of unixfs(helia).cat(CID.parse(cid))) {
      if (bytes === 0) firstByteMs = performance.now() - began;
      bytes += chunk.byteLength;
    }
    const ms = performance.now() - began;
    await helia.stop();
    await rm(directory, { recursive: true, force: true });
    tell({ bytes, ms, firstByteMs });
  });
  tell({ ready: true });
}
