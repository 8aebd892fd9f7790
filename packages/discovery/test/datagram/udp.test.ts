import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import type { DatagramSocket } from '../../src/datagram/datagram.ts';
import { UdpDatagrams } from '../../src/datagram/udp.ts';
import { datagramSuite } from './datagram-suite.ts';

datagramSuite({ name: 'UDP', create: () => new UdpDatagrams() });

describe('a UDP socket', () => {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const socket of open.splice(0)) await socket.close();
  });

  async function bind(ip: string) {
    const socket: DatagramSocket = await new UdpDatagrams().bind({ ip, port: 0 });
    open.push(socket);
    const received: { from: unknown; text: string }[] = [];
    socket.onDatagram(({ from, bytes }) => received.push({ from, text: Buffer.from(bytes).toString() }));
    return { socket, received, port: socket.local.port };
  }

  // Loopback only elsewhere; here it is the unspecified IPv6 address that is tested.
  it('of the unspecified IPv6 address serves IPv4 under its plain address', async () => {
    const [six, four] = [await bind('::'), await bind('127.0.0.1')];
    four.socket.send({ ip: '127.0.0.1', port: six.port }, Buffer.from('from four'));
    await expect.poll(() => six.received).toEqual([{ from: { ip: '127.0.0.1', port: four.port }, text: 'from four' }]);
    six.socket.send({ ip: '127.0.0.1', port: four.port }, Buffer.from('from six'));
    await expect.poll(() => four.received).toEqual([{ from: { ip: '127.0.0.1', port: six.port }, text: 'from six' }]);
  });

  it('refuses addresses that are not of this machine', async () => {
    const datagrams = new UdpDatagrams();
    await expect(datagrams.bind({ ip: '192.0.2.1', port: 0 })).rejects.toMatchObject({ code: 'BIND_FAILED' });
  });

  it('gives the event loop its turn while a burst is handled slowly, and drops nothing of it', async () => {
    const socket = await new UdpDatagrams().bind({ ip: '127.0.0.1', port: 0 });
    open.push(socket);
    const BURST = 60;
    const turns: number[] = [];
    let handled = 0;
    socket.onDatagram(() => {
      const end = performance.now() + 2;
      while (performance.now() < end);
      handled++;
    });
    const sender = createSocket('udp4');
    open.push({ close: () => new Promise<void>((resolve) => sender.close(resolve)) });
    for (let i = 0; i < BURST; i++) sender.send(Buffer.from('x'), socket.local.port, '127.0.0.1');
    await new Promise<void>((resolve) => {
      const look = () => {
        turns.push(handled);
        if (handled < BURST) setImmediate(look);
        else resolve();
      };
      look();
    });
    const perTurn = turns.map((count, i) => count - (turns[i - 1] ?? 0));
    // 4 ms of 2 ms each; a machine that pauses makes it fewer, never more.
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(4);
  });
});
