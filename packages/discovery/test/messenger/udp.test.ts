import { systemClock, systemRandom } from '@codex/runtime';
import { afterEach, expect, it } from 'vitest';
import { UdpDatagrams } from '../../src/datagram/udp.ts';
import { Messenger } from '../../src/message/messenger.ts';
import { SignedRecord } from '../../src/record/signed-record.ts';
import { Counts, identityOf, PING, pong } from './net.ts';

const open: Messenger[] = [];
afterEach(async () => {
  for (const messenger of open.splice(0)) await messenger.stop();
});

async function node(number: number, ip: string) {
  const identity = identityOf(number);
  const counts = new Counts();
  let record = SignedRecord.sign(identity, { seq: 1, addresses: [] });
  const known = new Map<string, SignedRecord>();
  const trusted: boolean[] = [];
  const messenger = new Messenger(
    {
      identity,
      datagrams: new UdpDatagrams({ metrics: counts }),
      clock: systemClock,
      random: systemRandom,
      metrics: counts,
      localRecord: () => record,
      knownRecord: (id) => known.get(id.hex),
    },
    { listen: { ip, port: 0 } },
  );
  messenger.serve({
    onRequest: pong,
    onNotice: () => {},
    onContact: (from, theirs, same) => {
      if (theirs) known.set(from.id.hex, theirs);
      trusted.push(same);
    },
  });
  await messenger.start();
  open.push(messenger);
  const endpoint = messenger.local!;
  const protocol = ip.includes(':') ? 'ip6' : 'ip4';
  record = SignedRecord.sign(identity, { seq: 2, addresses: [`/${protocol}/${ip}/udp/${endpoint.port}`] });
  return { messenger, counts, trusted, contact: { id: identity.nodeId, endpoint, record } };
}

it.each(['127.0.0.1', '::1'])('nodes at %s speak over real sockets', async (ip) => {
  const [a, b] = [await node(1, ip), await node(2, ip)];
  const answers = await Promise.all(Array.from({ length: 10 }, () => a.messenger.request(b.contact, PING)));
  expect(answers).toEqual(answers.map(() => pong(a.contact)));
  expect(b.trusted).toEqual([true]);
  expect(await b.messenger.request({ id: a.contact.id, endpoint: a.contact.endpoint }, PING)).toEqual(pong(b.contact));
});

it('twenty nodes dial one at the same time, and all are answered at once', async () => {
  const hub = await node(1, '127.0.0.1');
  const others = await Promise.all(Array.from({ length: 20 }, (_, i) => node(10 + i, '127.0.0.1')));
  const work = others.map(({ messenger }) => messenger.request(hub.contact, PING, { timeoutMs: 10_000, retries: 0 }));
  expect((await Promise.all(work)).length).toBe(20);
  expect(hub.counts.get('codex_discovery_handshakes accepted')).toBe(20);
  expect(hub.counts.get('codex_discovery_handshakes refused')).toBe(0);
});
