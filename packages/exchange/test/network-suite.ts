import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { PeerNetwork, PeerStream } from '../src/index.ts';

/** A peer network under test; `other` names a peer that nobody is. */
export interface NetworkSetup {
  readonly name: string;
  create(): Promise<PeerNetwork>;
  otherPeer(): Promise<string>;
}

const PROTOCOL = '/test/echo/1.0.0';

/** Reads a stream to its end. */
export function collect(stream: PeerStream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    stream.receive({
      onBytes: (bytes) => pieces.push(bytes),
      onEnd: (error) => (error ? reject(error) : resolve(Buffer.concat(pieces))),
    });
  });
}

export function echo(stream: PeerStream): void {
  const queue: Uint8Array[] = [];
  let busy = false;
  let over = false;
  const work = async () => {
    if (busy) return;
    busy = true;
    for (let bytes = queue.shift(); bytes; bytes = queue.shift()) if (!stream.write(bytes)) await stream.drained();
    busy = false;
    if (over) await stream.close();
  };
  stream.receive({
    onBytes: (bytes) => {
      queue.push(bytes);
      work().catch(() => {});
    },
    onEnd: () => {
      over = true;
      work().catch(() => {});
    },
  });
}

/** What every implementation of `PeerNetwork` must do. */
export function describePeerNetwork(setup: NetworkSetup): void {
  describe(`PeerNetwork: ${setup.name}`, () => {
    const running: PeerNetwork[] = [];
    const start = async () => {
      const network = await setup.create();
      running.push(network);
      await network.start();
      return network;
    };
    const pair = async () => {
      const [a, b] = [await start(), await start()];
      await b.handle(PROTOCOL, (_, stream) => echo(stream));
      await a.connect(b.peerId, b.listenAddrs());
      return [a, b] as const;
    };
    afterEach(async () => {
      await Promise.all(running.splice(0).map((network) => network.stop()));
    });

    it('tells both sides of a connection and of its end', async () => {
      const [a, b] = [await start(), await start()];
      const events: string[] = [];
      a.onConnect((peer) => events.push(`a+${peer === b.peerId}`));
      const seen = new Promise<void>((resolve) => b.onConnect(() => resolve()));
      const lost = new Promise<void>((resolve) => b.onDisconnect(() => resolve()));
      a.onDisconnect(() => events.push('a-'));
      expect(a.listenAddrs().length).toBeGreaterThan(0);
      await a.connect(b.peerId, b.listenAddrs());
      await seen;
      expect(a.peers()).toEqual([b.peerId]);
      expect(b.peers()).toEqual([a.peerId]);
      await a.connect(b.peerId, b.listenAddrs());
      expect(events).toEqual(['a+true']);
      await a.disconnect(b.peerId);
      await lost;
      expect(a.peers()).toEqual([]);
      expect(events).toEqual(['a+true', 'a-']);
    });

    it('refuses what it cannot dial, with its code', async () => {
      const [a, b] = [await start(), await start()];
      const other = await setup.otherPeer();
      await expect(a.connect('', b.listenAddrs())).rejects.toMatchObject({ code: 'PEER_ID_INVALID' });
      await expect(a.connect(a.peerId, b.listenAddrs())).rejects.toMatchObject({ code: 'PEER_ID_INVALID' });
      await expect(a.connect(b.peerId, [])).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
      await expect(a.connect(other, b.listenAddrs())).rejects.toMatchObject({ code: 'DIAL_FAILED' });
      await expect(a.openStream(other, [PROTOCOL])).rejects.toMatchObject({ code: 'PEER_NOT_CONNECTED' });
    });

    it('negotiates the first protocol that the peer speaks', async () => {
      const [a, b] = await pair();
      const stream = await a.openStream(b.peerId, ['/test/unknown/1.0.0', PROTOCOL]);
      expect(stream.protocol).toBe(PROTOCOL);
      stream.abort(new Error('done'));
      await expect(a.openStream(b.peerId, ['/test/unknown/1.0.0', '/test/other/1.0.0'])).rejects.toMatchObject({
        code: 'PROTOCOL_UNSUPPORTED',
      });
    });

    it('carries bytes in order, in both directions, to the last one', async () => {
      const [a, b] = await pair();
      const stream = await a.openStream(b.peerId, [PROTOCOL]);
      const received = collect(stream);
      const sent = randomBytes(3_000_000);
      for (let at = 0; at < sent.length; at += 70_001) {
        if (!stream.write(sent.subarray(at, at + 70_001))) await stream.drained();
      }
      await stream.close();
      expect(Buffer.compare(await received, sent)).toBe(0);
      expect(() => stream.write(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'STREAM_CLOSED' }));
    });

    it('delivers the end of a short stream', async () => {
      const [a, b] = [await start(), await start()];
      const arrived = new Promise<Buffer>((resolve) => b.handle(PROTOCOL, (_, stream) => resolve(collect(stream))));
      await a.connect(b.peerId, b.listenAddrs());
      const stream = await a.openStream(b.peerId, [PROTOCOL]);
      stream.receive({ onBytes: () => {}, onEnd: () => {} });
      stream.write(new Uint8Array([1, 2, 3]));
      await stream.close();
      expect([...(await arrived)]).toEqual([1, 2, 3]);
    });

    it('makes a writer wait while the reader pauses', async () => {
      const [a, b] = [await start(), await start()];
      let far: PeerStream | undefined;
      let arrived = 0;
      await b.handle(PROTOCOL, (_, stream) => {
        far = stream;
        stream.receive({ onBytes: (bytes) => (arrived += bytes.length), onEnd: () => {} });
        stream.pause();
      });
      await a.connect(b.peerId, b.listenAddrs());
      const stream = await a.openStream(b.peerId, [PROTOCOL]);
      stream.receive({ onBytes: () => {}, onEnd: () => {} });
      let written = 0;
      const piece = new Uint8Array(64 * 1024);
      while (written < 64 * 2 ** 20) {
        written += piece.length;
        if (!stream.write(piece)) break;
      }
      expect(written).toBeLessThan(64 * 2 ** 20);
      let drained = false;
      const waiting = stream.drained().then(() => {
        drained = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(drained).toBe(false);
      expect(arrived).toBe(0);
      far?.resume();
      await waiting;
      await stream.close();
      await expect.poll(() => arrived).toBe(written);
    });

    it('ends the streams of a connection that is lost, waiting writers too', async () => {
      const [a, b] = await pair();
      const stream = await a.openStream(b.peerId, [PROTOCOL]);
      const ended = new Promise<void>((resolve) => stream.receive({ onBytes: () => {}, onEnd: () => resolve() }));
      await b.disconnect(a.peerId);
      await ended;
      const state = () =>
        stream.drained().then(
          () => 'open',
          (error) => error.code,
        );
      await expect.poll(state).toBe('STREAM_CLOSED');
    });

    it('caps the streams that a peer may have open', async () => {
      const [a, b] = [await start(), await start()];
      await b.handle(PROTOCOL, (_, stream) => echo(stream), { inboundStreamsMax: 2 });
      await a.connect(b.peerId, b.listenAddrs());
      const alive: PeerStream[] = [];
      for (let i = 0; i < 3; i++) {
        try {
          const stream = await a.openStream(b.peerId, [PROTOCOL]);
          const answered = new Promise<boolean>((resolve) =>
            stream.receive({ onBytes: () => resolve(true), onEnd: () => resolve(false) }),
          );
          stream.write(new Uint8Array(1));
          if (await answered) alive.push(stream);
        } catch {}
      }
      expect(alive.length).toBe(2);
    });
  });
}
