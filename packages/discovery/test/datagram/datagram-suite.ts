import { afterEach, describe, expect, it } from 'vitest';
import {
  DATAGRAM_MAX_BYTES,
  type DatagramNetwork,
  type DatagramSocket,
  type Endpoint,
} from '../../src/datagram/datagram.ts';

/** A datagram network under test that loses nothing between its own sockets while little is sent. */
export interface DatagramSetup {
  readonly name: string;
  create(): DatagramNetwork;
}

const LOOPBACK = { ip: '127.0.0.1', port: 0 };

interface Received {
  readonly from: Endpoint;
  readonly bytes: Buffer;
}

/** What both kinds of network do. */
export function datagramSuite({ name, create }: DatagramSetup): void {
  describe(`datagrams: ${name}`, () => {
    const open: DatagramSocket[] = [];

    afterEach(async () => {
      for (const socket of open.splice(0)) await socket.close();
    });

    async function bind(network: DatagramNetwork, at: Endpoint = LOOPBACK) {
      const socket = await network.bind(at);
      open.push(socket);
      const received: Received[] = [];
      socket.onDatagram(({ from, bytes }) => received.push({ from: { ...from }, bytes: Buffer.from(bytes) }));
      return { socket, received, at: socket.local };
    }

    const texts = (received: readonly Received[]) => received.map(({ bytes }) => bytes.toString());

    it('carries datagrams with the endpoint of their sender', async () => {
      const network = create();
      const [a, b] = [await bind(network), await bind(network)];
      expect(a.at.port).toBeGreaterThan(0);
      expect(a.at.port).not.toBe(b.at.port);
      a.socket.send(b.at, Buffer.from('there'));
      await expect.poll(() => b.received).toEqual([{ from: a.at, bytes: Buffer.from('there') }]);
      b.socket.send(b.received[0]!.from, Buffer.from('and back'));
      await expect.poll(() => texts(a.received)).toEqual(['and back']);
    });

    it('lets the sender use its bytes again at once', async () => {
      const network = create();
      const [a, b] = [await bind(network), await bind(network)];
      const bytes = Buffer.from('first');
      a.socket.send(b.at, bytes);
      bytes.write('other');
      a.socket.send(b.at, bytes);
      await expect.poll(() => texts(b.received).sort()).toEqual(['first', 'other']);
    });

    it('carries empty datagrams and the longest ones, and refuses longer ones', async () => {
      const network = create();
      const [a, b] = [await bind(network), await bind(network)];
      a.socket.send(b.at, new Uint8Array(0));
      a.socket.send(b.at, new Uint8Array(DATAGRAM_MAX_BYTES).fill(7));
      await expect.poll(() => b.received.map(({ bytes }) => bytes.length).sort()).toEqual([0, DATAGRAM_MAX_BYTES]);
      expect(() => a.socket.send(b.at, new Uint8Array(DATAGRAM_MAX_BYTES + 1))).toThrow(RangeError);
    });

    it('refuses a port that is taken, with a code', async () => {
      const network = create();
      const a = await bind(network);
      await expect(network.bind(a.at)).rejects.toMatchObject({
        code: 'BIND_FAILED',
        data: { ...a.at, reason: 'EADDRINUSE' },
      });
    });

    it('gives a port free when its socket is closed, and takes a second close', async () => {
      const network = create();
      const a = await bind(network);
      await a.socket.close();
      await a.socket.close();
      const b = await bind(network, a.at);
      expect(b.at).toEqual(a.at);
    });

    it('neither sends nor receives after the close, and does not throw', async () => {
      const network = create();
      const [a, b, c] = [await bind(network), await bind(network), await bind(network)];
      await a.socket.close();
      a.socket.send(b.at, Buffer.from('late'));
      b.socket.send(a.at, Buffer.from('nobody there'));
      c.socket.send(b.at, Buffer.from('in time'));
      await expect.poll(() => texts(b.received)).toEqual(['in time']);
      expect(a.received).toEqual([]);
    });

    it('does not throw for what cannot be sent', async () => {
      const network = create();
      const [a, b] = [await bind(network), await bind(network)];
      a.socket.send({ ip: '127.0.0.1', port: 1 }, Buffer.from('refused'));
      a.socket.send({ ip: '::1', port: 9 }, Buffer.from('another family'));
      a.socket.send({ ip: '127.0.0.1', port: 0 }, Buffer.from('no port'));
      a.socket.send({ ip: 'host.invalid', port: 9 }, Buffer.from('a name'));
      a.socket.send(b.at, Buffer.from('right'));
      await expect.poll(() => texts(b.received)).toEqual(['right']);
    });

    it('has one listener: another one replaces it', async () => {
      const network = create();
      const [a, b] = [await bind(network), await bind(network)];
      const second: string[] = [];
      b.socket.onDatagram(({ bytes }) => second.push(Buffer.from(bytes).toString()));
      a.socket.send(b.at, Buffer.from('hello'));
      await expect.poll(() => second).toEqual(['hello']);
      expect(b.received).toEqual([]);
    });

    it('carries hundreds at once between several sockets', async () => {
      const network = create();
      const [a, b, c] = [await bind(network), await bind(network), await bind(network)];
      for (let i = 0; i < 200; i++) {
        a.socket.send(c.at, Buffer.from(`a${i}`));
        b.socket.send(c.at, Buffer.from(`b${i}`));
      }
      await expect.poll(() => new Set(texts(c.received)).size).toBe(400);
    });

    it('stays unspecified when bound to an unspecified host, and is reached at loopback', async () => {
      const network = create();
      const [a, b] = [await bind(network), await bind(network, { ip: '0.0.0.0', port: 0 })];
      expect(b.at.ip).toBe('0.0.0.0');
      a.socket.send({ ip: '127.0.0.1', port: b.at.port }, Buffer.from('in'));
      await expect.poll(() => texts(b.received)).toEqual(['in']);
      b.socket.send(b.received[0]!.from, Buffer.from('out'));
      await expect.poll(() => texts(a.received)).toEqual(['out']);
      expect(a.received[0]?.from).toEqual({ ip: '127.0.0.1', port: b.at.port });
    });

    it('carries datagrams between IPv6 addresses', async () => {
      const network = create();
      const [a, b] = [await bind(network, { ip: '::1', port: 0 }), await bind(network, { ip: '::1', port: 0 })];
      a.socket.send(b.at, Buffer.from('six'));
      await expect
        .poll(() => b.received)
        .toEqual([{ from: { ip: '::1', port: a.at.port }, bytes: Buffer.from('six') }]);
    });
  });
}
