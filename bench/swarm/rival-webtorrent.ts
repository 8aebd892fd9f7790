/**
 * Rival of `swarm`: WebTorrent over TCP alone, peers given by address. `seed FILE` serves a file; `leech DIR` gets the
 * torrent with one message, starts on the next, and says how long it took until all pieces were checked and on disk.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { endWithParent, tell } from '../src/rival-process.ts';
import { loadWebTorrent } from './webtorrent/load.ts';

type Message =
  | { readonly torrent: string }
  | { readonly go: true; readonly peers: readonly string[] }
  | { readonly end: true };

/** No tracker, DHT or local discovery, no port forwarding, no other transport: what is measured is the exchange. */
const OPTIONS = { dht: false, tracker: false, lsd: false, utp: false, natUpnp: false, natPmp: false, webSeeds: false };

/** Its choice of the rarest piece looks at all pieces each time: with the 32 to 256 KiB of its default it is ten times slower. */
const PIECE_BYTES = 1024 * 1024;

const WebTorrent = await loadWebTorrent();
endWithParent();
const [role, target = ''] = process.argv.slice(2);
const client = new WebTorrent(OPTIONS);
client.on('error', (error) => {
  throw error;
});
if (!client.listening) await once(client, 'listening');

if (role === 'seed') {
  const torrent = client.seed(target, { announce: [], announceList: [], pieceLength: PIECE_BYTES });
  await once(torrent, 'done');
  tell({ torrent: Buffer.from(torrent.torrentFile).toString('base64'), peer: `127.0.0.1:${client.torrentPort}` });
} else {
  let torrent: ReturnType<typeof client.add> | undefined;
  process.on('message', async (message: Message) => {
    if ('torrent' in message) {
      // Sequential is the default; rarest first is what a swarm needs.
      const options = { path: target, strategy: 'rarest', announce: [] };
      torrent = client.add(Buffer.from(message.torrent, 'base64'), options);
      await once(torrent, 'ready');
      tell({ ready: true });
    } else if ('go' in message) {
      const done = once(torrent!, 'done');
      const began = performance.now();
      for (const peer of message.peers) torrent!.addPeer(peer);
      await done;
      const ms = performance.now() - began;
      tell({ ms, bytes: torrent!.downloaded, length: torrent!.length, uploaded: torrent!.uploaded });
    } else {
      await new Promise<void>((resolve) => client.remove(torrent!, { destroyStore: true }, () => resolve()));
      await rm(target, { recursive: true, force: true });
      tell({ ready: true });
    }
  });
  tell({ peer: `127.0.0.1:${client.torrentPort}` });
}
