import { afterEach, describe, expect, it } from 'vitest';
import { Messenger } from '../../src/message/messenger.ts';
import { identityOf, LATENCY_MS, Net, type Node, PING, recordOf } from './net.ts';

let net = new Net();
afterEach(() => net.stop());

/** Every node asks every other one, several times. */
async function askAround(
  nodes: readonly Node[],
  rounds: number,
  retries = 1,
): Promise<{ done: number; failed: number }> {
  const outcomes: Promise<boolean>[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const a of nodes) {
      for (const b of nodes) {
        if (a === b) continue;
        outcomes.push(
          a.messenger.request(b.contact, PING, { retries }).then(
            () => true,
            () => false,
          ),
        );
      }
    }
    await net.clock.advance(100);
  }
  const all = await net.until(Promise.all(outcomes), 10);
  return { done: all.filter(Boolean).length, failed: all.filter((one) => !one).length };
}

const several = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => net.node(i + 1)));

describe('a bad network', () => {
  it.each([1, 2, 3])('loses 3 packets of 10: most requests succeed all the same, seed %i', async (seed) => {
    net = new Net({ loss: 0.3, jitterMs: 5 }, { seed });
    const { done, failed } = await askAround(await several(5), 10);
    // A request in a session has two chances of 0.49; the handshakes cost the first ones some.
    expect(done / (done + failed)).toBeGreaterThan(0.6);
    expect(failed).toBeGreaterThan(0);
    // With a better network all is well at once.
    net.datagrams.setFaults({ loss: 0 });
    await net.clock.advance(2000);
    expect(net.clock.pending).toBe(0);
  });

  it.each([1, 2, 3])('loses 3 packets of 10: with more tries hardly any request fails, seed %i', async (seed) => {
    net = new Net({ loss: 0.3, jitterMs: 5 }, { seed });
    const { done, failed } = await askAround(await several(5), 10, 7);
    expect(done / (done + failed)).toBeGreaterThan(0.97);
  });

  it.each([1, 2, 3])(
    'reorders and doubles: everything is answered, and nothing is handled twice, seed %i',
    async (seed) => {
      net = new Net({ duplication: 0.3, reordering: 0.3, reorderingMs: 70, jitterMs: 10 }, { seed });
      const nodes = await several(4);
      const { done, failed } = await askAround(nodes, 5);
      expect(failed).toBe(0);
      expect(done).toBe(4 * 3 * 5);
      const repeated = nodes.reduce((sum, { counts }) => sum + counts.get('codex_discovery_repeated_packets'), 0);
      expect(repeated).toBeGreaterThan(0);
    },
  );

  it('doubles every packet: each request is handled once', async () => {
    net = new Net({ duplication: 1 });
    const [a, b] = [await net.node(1), await net.node(2)];
    for (let i = 0; i < 5; i++) await net.until(a.messenger.request(b.contact, PING));
    expect(b.heard.length).toBe(5);
    expect(b.counts.get('codex_discovery_handshakes accepted')).toBe(1);
  });

  it('is divided and heals', async () => {
    net = new Net();
    const [a, b] = [await net.node(1), await net.node(2)];
    await net.until(a.messenger.request(b.contact, PING));
    net.datagrams.partition((from, to) => from.ip !== to.ip);
    expect(await net.outcome(a.messenger.request(b.contact, PING))).toBe('REQUEST_TIMEOUT');
    net.datagrams.partition(undefined);
    expect(await net.outcome(a.messenger.request(b.contact, PING))).toBe('done');
  });
});

describe('lost packets of a handshake', () => {
  /** Loses the nth datagram of one side. */
  async function losing(side: 'a' | 'b', nth: number) {
    net = new Net();
    const [a, b] = [await net.node(1), await net.node(2)];
    const from = side === 'a' ? a.at.ip : b.at.ip;
    let seen = 0;
    net.datagrams.partition((source) => source.ip === from && ++seen === nth);
    const start = net.clock.now();
    const outcome = await net.outcome(a.messenger.request(b.contact, PING));
    return { outcome, ms: net.clock.now() - start, handshakes: b.counts.get('codex_discovery_handshakes accepted') };
  }

  it('the opening packet is sent again after half a second', async () => {
    expect(await losing('a', 1)).toEqual({ outcome: 'done', ms: 500 + 4 * LATENCY_MS, handshakes: 1 });
  });

  it('so it is when the challenge was lost, which comes again', async () => {
    expect(await losing('b', 1)).toEqual({ outcome: 'done', ms: 500 + 4 * LATENCY_MS, handshakes: 1 });
  });

  it('a lost handshake is made again with the second try', async () => {
    expect(await losing('a', 2)).toEqual({ outcome: 'done', ms: 1000 + 4 * LATENCY_MS, handshakes: 1 });
  });

  it('a lost answer is asked for again', async () => {
    expect(await losing('b', 2)).toEqual({ outcome: 'done', ms: 1000 + 2 * LATENCY_MS, handshakes: 1 });
  });
});

describe('contacts that change', () => {
  it('both dial at once, and both are answered', async () => {
    net = new Net();
    const [a, b] = [await net.node(1), await net.node(2)];
    const start = net.clock.now();
    const work = [a.messenger.request(b.contact, PING), b.messenger.request(a.contact, PING)];
    await net.until(Promise.all(work));
    expect(net.clock.now() - start).toBe(4 * LATENCY_MS);
    // And they go on without another handshake.
    const made = () => [a, b].map(({ counts }) => counts.get('codex_discovery_handshakes made'));
    const before = made();
    for (let i = 0; i < 4; i++) {
      await net.until(a.messenger.request(b.contact, PING));
      await net.until(b.messenger.request(a.contact, PING));
    }
    expect(made()).toEqual(before);
    expect([a.heard.length, b.heard.length]).toEqual([5, 5]);
  });

  it.each([1, 5, 19, 21, 39, 41])('the other dials %i ms later, and both are answered', async (later) => {
    net = new Net();
    const [a, b] = [await net.node(1), await net.node(2)];
    const first = a.messenger.request(b.contact, PING);
    await net.clock.advance(later);
    const second = b.messenger.request(a.contact, PING);
    const start = net.clock.now();
    await net.until(Promise.all([first, second]));
    expect(net.clock.now() - start).toBeLessThanOrEqual(5 * LATENCY_MS);
  });

  it('a restarted peer without its sessions answers after one more round trip, everything that was asked', async () => {
    net = new Net();
    const a = await net.node(1);
    const before = await net.node(2);
    await net.until(a.messenger.request(before.contact, PING));
    await before.messenger.stop();
    const b = await net.node(2);
    const start = net.clock.now();
    const work = Array.from({ length: 5 }, () => a.messenger.request(b.contact, PING));
    await net.until(Promise.all(work));
    expect(net.clock.now() - start).toBe(4 * LATENCY_MS);
    expect(b.heard.length).toBe(5);
    expect(b.counts.get('codex_discovery_handshakes accepted')).toBe(1);
  });

  it('a restarted peer that asks is known again after its handshake', async () => {
    net = new Net();
    const a = await net.node(1);
    const before = await net.node(2);
    await net.until(a.messenger.request(before.contact, PING));
    await before.messenger.stop();
    const b = await net.node(2);
    await net.until(b.messenger.request(a.contact, PING));
    const start = net.clock.now();
    await net.until(a.messenger.request(b.contact, PING));
    expect(net.clock.now() - start).toBe(2 * LATENCY_MS);
  });

  it('a peer with a new address makes a new session; its old record does not make it trusted', async () => {
    net = new Net();
    const a = await net.node(1);
    const before = await net.node(2);
    await net.until(before.messenger.request(a.contact, PING));
    await before.messenger.stop();
    const moved = await net.node(2, { ip: '10.0.0.22', announced: before.at });
    await net.until(moved.messenger.request(a.contact, PING));
    expect(a.contacts.map(({ from, trusted }) => [from.endpoint.ip, trusted])).toEqual([
      ['10.0.0.2', true],
      ['10.0.0.22', false],
    ]);
    // It can be asked at both, as far as anybody is there.
    expect(await net.outcome(a.messenger.request({ ...moved.contact }, PING))).toBe('done');
    expect(await net.outcome(a.messenger.request({ ...before.contact }, PING))).toBe('REQUEST_TIMEOUT');
  });

  it('speaks with more contacts than it keeps sessions', async () => {
    net = new Net();
    const a = await net.node(1, { limits: { sessionsMax: 2 } });
    const others = await Promise.all([2, 3, 4, 5, 6].map((number) => net.node(number)));
    for (let round = 0; round < 3; round++) {
      for (const b of others) await net.until(a.messenger.request(b.contact, PING));
      for (const b of others) await net.until(b.messenger.request(a.contact, PING));
    }
    expect(a.heard.length).toBe(15);
  });

  it('a key is taken without a record from a contact that is known, and not from a stranger', async () => {
    net = new Net();
    const [a, b] = [await net.node(1), await net.node(2)];
    // The other side claims to have the newest record, so it gets none.
    const newer = recordOf(a.identity, a.at, 99);
    b.known.set(a.identity.nodeId.hex, newer);
    await net.until(a.messenger.request(b.contact, PING));
    expect(b.contacts).toMatchObject([{ record: undefined, trusted: false }]);
  });
});

it('two runs with one seed send the same packets', async () => {
  const run = async (seed: number) => {
    net = new Net({ loss: 0.1, duplication: 0.1, reordering: 0.1, jitterMs: 30 }, { seed });
    const packets: string[] = [];
    const bind = net.datagrams.bind.bind(net.datagrams);
    net.datagrams.bind = async (at) => {
      const socket = await bind(at);
      return {
        local: socket.local,
        send: (to, bytes) => {
          packets.push(`${net.clock.now()} ${at.ip} ${to.ip} ${Buffer.from(bytes).toString('hex')}`);
          socket.send(to, bytes);
        },
        onDatagram: (listener) => socket.onDatagram(listener),
        close: () => socket.close(),
      };
    };
    const result = await askAround(await several(4), 3);
    await net.stop();
    return { packets, counts: { ...net.datagrams.counts }, result };
  };
  const first = await run(7);
  expect(await run(7)).toEqual(first);
  expect((await run(8)).packets).not.toEqual(first.packets);
});

it('a stop while it starts leaves nothing behind', async () => {
  net = new Net();
  const a = await net.node(1);
  const messenger = new Messenger(
    {
      identity: identityOf(5),
      datagrams: net.datagrams,
      clock: net.clock,
      random: net.random,
      localRecord: () => a.record,
      knownRecord: () => undefined,
    },
    { listen: { ip: '10.0.0.5', port: 9000 } },
  );
  const starting = messenger.start();
  await messenger.stop();
  await expect(starting).rejects.toMatchObject({ code: 'DISCOVERY_STOPPED' });
  // The port is free again.
  await net.node(5);
});
