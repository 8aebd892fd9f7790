import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/datagram/datagram.ts';
import { encodeMessage } from '../../src/message/message-codec.ts';
import {
  decodePacket,
  encodeHandshake,
  encodeOrdinary,
  encodeRandom,
  encodeWhoAreYou,
} from '../../src/packet/packet-codec.ts';
import { DEFAULT_SESSION_LIMITS } from '../../src/session/limits.ts';
import { discoveryMetrics } from '../../src/session/metrics.ts';
import { Sessions } from '../../src/session/sessions.ts';
import { Counts, identityOf, LATENCY_MS, Net, type Node, PING, recordOf } from '../messenger/net.ts';

let net = new Net();
afterEach(() => net.stop());

const random = seededRandom(99);
const ping = () => encodeMessage({ requestId: random.bytes(8), body: PING });
const head = (source: Node['identity']) => ({
  source: source.nodeId,
  nonce: random.bytes(12),
  maskingIv: random.bytes(16),
});

/** Sessions alone, on a clock that stands still, with everything that they send. */
function alone(number = 1) {
  net = new Net();
  const identity = identityOf(number);
  const sent: { readonly to: Endpoint; readonly bytes: Uint8Array }[] = [];
  const messages: Uint8Array[] = [];
  const counts = new Counts();
  const record = recordOf(identity, { ip: '10.0.0.1', port: 9000 });
  const sessions = new Sessions(
    {
      identity,
      clock: net.clock,
      random: net.random,
      curve: net.curve,
      records: net.records,
      metrics: discoveryMetrics(counts),
      send: (to, bytes) => sent.push({ to, bytes }),
      localRecord: () => record,
      knownRecord: () => undefined,
      onMessage: (_from, message) => messages.push(message),
      onContact: () => {},
    },
    DEFAULT_SESSION_LIMITS,
  );
  return { identity, sessions, sent, messages, counts };
}

describe('hostile handshakes', () => {
  /** A peer whose handshake the test changes on its way; whether the other side took it. */
  async function tampered(change: (bytes: Uint8Array) => Uint8Array) {
    net = new Net();
    const a = await net.node(1);
    const raw = await net.raw(2);
    const { receive } = raw.sessions;
    raw.listening = false;
    raw.send(a.contact, ping());
    await net.clock.advance(2 * LATENCY_MS);
    const [challenge] = raw.received;
    raw.sent.length = 0;
    net.datagrams.partition(() => true);
    receive.call(raw.sessions, { from: a.at, bytes: challenge?.bytes ?? new Uint8Array(0) });
    await net.clock.advance(LATENCY_MS);
    net.datagrams.partition(undefined);
    const handshake = raw.sent.at(-1)?.bytes ?? new Uint8Array(0);
    const send = (bytes: Uint8Array) => raw.socket.send(a.at, bytes);
    send(change(handshake));
    await net.clock.advance(LATENCY_MS);
    return { a, raw, handshake, send };
  }

  it('untouched, it is taken', async () => {
    const { a } = await tampered((bytes) => bytes);
    expect(a.heard).toEqual([PING]);
  });

  it('with any byte changed it is refused, and the right one is taken afterwards', async () => {
    for (const at of [17, 40, 60, 75, 90, 150, 200, 300, -1]) {
      const { a, handshake, send } = await tampered((bytes) => {
        const changed = Uint8Array.from(bytes);
        changed[at < 0 ? changed.length + at : at]! ^= 1;
        return changed;
      });
      expect(a.heard).toEqual([]);
      expect(a.contacts).toEqual([]);
      send(handshake);
      await net.clock.advance(LATENCY_MS);
      expect(a.heard).toEqual([PING]);
      await net.stop();
    }
  });

  it('a challenge takes three wrong ones and no more', async () => {
    const { a, handshake, send } = await tampered((bytes) => bytes.subarray(0, bytes.length - 1));
    for (let i = 0; i < 2; i++) send(handshake.subarray(0, handshake.length - 1));
    await net.clock.advance(LATENCY_MS);
    expect(a.counts.get('codex_discovery_handshakes refused')).toBe(3);
    send(handshake);
    await net.clock.advance(LATENCY_MS);
    expect(a.heard).toEqual([]);
  });

  it('one that is replayed, or comes from elsewhere, or comes late is not even looked at', async () => {
    const { a, raw, handshake, send } = await tampered((bytes) => bytes);
    send(handshake);
    const other = await net.datagrams.bind({ ip: '10.0.0.66', port: 9000 });
    other.send(a.at, handshake);
    await net.clock.advance(LATENCY_MS);
    expect(a.heard.length).toBe(1);
    expect(a.contacts.length).toBe(1);
    // After the replay the session still works in both directions.
    raw.listening = true;
    raw.send(a.contact, ping());
    await net.clock.advance(LATENCY_MS);
    expect(a.heard.length).toBe(2);

    const late = await tampered(() => new Uint8Array(0));
    await net.clock.advance(1000);
    late.send(late.handshake);
    await net.clock.advance(LATENCY_MS);
    expect(late.a.heard).toEqual([]);
    expect(late.a.counts.get('codex_discovery_handshakes refused')).toBe(0);
  });

  it('nobody can take the id of another: neither with its own key nor with the record of the other', async () => {
    net = new Net();
    const a = await net.node(1);
    const victim = identityOf(2);
    const thief = identityOf(3);
    const at = { ip: '10.0.0.3', port: 9000 };
    for (const record of [recordOf(thief, at), recordOf(victim, at), undefined]) {
      const socket = await net.datagrams.bind(at);
      let challenge: Uint8Array | undefined;
      socket.onDatagram(({ bytes }) => {
        challenge = Uint8Array.from(bytes);
      });
      socket.send(a.at, encodeRandom(a.identity.nodeId, head(victim), random.bytes(20)));
      await net.clock.advance(2 * LATENCY_MS);
      expect(challenge?.length).toBe(63);
      const ephemeral = net.curve.generate(random);
      const signature = thief.sign(random.bytes(32));
      socket.send(
        a.at,
        encodeHandshake(
          a.identity.nodeId,
          {
            ...head(victim),
            signature,
            ephemeralKey: ephemeral.publicKey,
            record: record?.envelope,
            key: random.bytes(16),
          },
          ping(),
        ),
      );
      await net.clock.advance(LATENCY_MS);
      await socket.close();
      await net.clock.advance(1000);
    }
    expect(a.counts.get('codex_discovery_handshakes refused')).toBe(3);
    expect(a.heard).toEqual([]);
    expect(a.contacts).toEqual([]);
  });

  it('an ephemeral key that is no point is refused', async () => {
    net = new Net();
    const a = await net.node(1);
    const raw = await net.raw(2);
    const point = Uint8Array.from([8, 2, 18, 33, 2, ...new Array(32).fill(0xff)]);
    const sound = net.curve;
    Object.assign(net, {
      curve: { ...sound, generate: () => ({ privateKey: new Uint8Array(32).fill(1), publicKey: point }) },
    });
    const broken = await net.raw(4);
    expect(raw.contact.id.hex).not.toBe(broken.contact.id.hex);
    broken.send(a.contact, ping());
    await net.clock.advance(4 * LATENCY_MS);
    expect(a.counts.get('codex_discovery_handshakes refused')).toBe(1);
    expect(a.heard).toEqual([]);
  });
});

describe('other packets of strangers', () => {
  it('a challenge is answered only when it comes from where the packet went', async () => {
    net = new Net();
    const a = await net.node(1);
    const raw = await net.raw(2);
    raw.listening = false;
    const work = net.outcome(a.messenger.request(raw.contact, PING, { retries: 0 }));
    await net.clock.advance(LATENCY_MS);
    const [opening] = raw.received;
    // The nonce of a packet stands in clear for whoever knows the recipient's id.
    const nonce = decodePacket(raw.identity.nodeId, opening!.bytes).nonce;
    const eve = await net.datagrams.bind({ ip: '10.0.0.66', port: 9000 });
    const fields = { nonce, maskingIv: random.bytes(16), idNonce: random.bytes(16), recordSeq: 0n };
    eve.send(a.at, encodeWhoAreYou(a.identity.nodeId, fields).bytes);
    raw.socket.send(a.at, encodeWhoAreYou(a.identity.nodeId, { ...fields, nonce: random.bytes(12) }).bytes);
    await net.clock.advance(LATENCY_MS);
    expect(await work).toBe('REQUEST_TIMEOUT');
    expect(a.counts.get('codex_discovery_handshakes made')).toBe(0);
    expect(raw.received.every(({ bytes }) => bytes.length < 100)).toBe(true);
  });

  it('a packet of a session that is replayed is not handled again, from there nor from elsewhere', async () => {
    net = new Net();
    const a = await net.node(1);
    const raw = await net.raw(2);
    raw.send(a.contact, ping());
    await net.clock.advance(4 * LATENCY_MS);
    raw.send(a.contact, ping());
    await net.clock.advance(2 * LATENCY_MS);
    const { bytes } = raw.sent.at(-1)!;
    const before = raw.messages.length;
    raw.socket.send(a.at, bytes);
    const eve = await net.datagrams.bind({ ip: '10.0.0.66', port: 9000 });
    eve.send(a.at, bytes);
    await net.clock.advance(2 * LATENCY_MS);
    expect(a.heard.length).toBe(2);
    expect(raw.messages.length).toBe(before);
    expect(a.counts.get('codex_discovery_repeated_packets')).toBe(1);
  });

  it('packets under wrong keys do not end a session', async () => {
    net = new Net();
    const [a, b] = [await net.node(1), await net.node(2)];
    await net.until(a.messenger.request(b.contact, PING));
    const { messenger } = b;
    const wrong = encodeOrdinary(a.identity.nodeId, { ...head(b.identity), key: random.bytes(16) }, ping());
    const clash = await net.datagrams.bind({ ip: '10.0.0.66', port: 9000 });
    clash.send(a.at, wrong);
    await net.clock.advance(2 * LATENCY_MS);
    const start = net.clock.now();
    await net.until(messenger.request(a.contact, PING));
    await net.until(a.messenger.request(b.contact, PING));
    expect(net.clock.now() - start).toBe(4 * LATENCY_MS);
  });

  it('the own packets, reflected, are ignored', () => {
    const { identity, sessions, sent } = alone();
    sessions.receive({
      from: { ip: '10.0.0.1', port: 9000 },
      bytes: encodeRandom(identity.nodeId, head(identity), random.bytes(20)),
    });
    expect(sent).toEqual([]);
  });
});

describe('what strangers make a node send', () => {
  it('is never more than they sent, whatever the packet', () => {
    const { identity, sessions, sent } = alone();
    const stranger = identityOf(2);
    const bytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
    const head = fc.record({ nonce: bytes(12, 12), maskingIv: bytes(16, 16) });
    const to = identity.nodeId;
    const source = stranger.nodeId;
    const packets = fc.oneof(
      bytes(0, 200),
      fc.tuple(head, bytes(17, 300)).map(([fields, body]) => encodeRandom(to, { ...fields, source }, body)),
      fc
        .tuple(head, bytes(16, 16), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
        .map(([fields, idNonce, recordSeq]) => encodeWhoAreYou(to, { ...fields, idNonce, recordSeq }).bytes),
      fc
        .tuple(head, bytes(16, 16), bytes(8, 72), bytes(37, 37), bytes(0, 300), bytes(1, 200))
        .map(([fields, key, signature, ephemeralKey, record, message]) =>
          encodeHandshake(to, { ...fields, source, key, signature, ephemeralKey, record }, message),
        ),
    );
    let port = 1;
    fc.assert(
      fc.property(packets, fc.integer({ min: 1, max: 3 }), (packet, times) => {
        const from = { ip: '127.0.0.1', port: (port++ % 60_000) + 1 };
        sent.length = 0;
        for (let i = 0; i < times; i++) sessions.receive({ from, bytes: packet });
        const bytesOut = sent.reduce((sum, datagram) => sum + datagram.bytes.length, 0);
        expect(bytesOut).toBeLessThanOrEqual(packet.length * times);
        for (const datagram of sent) expect(datagram.to).toEqual(from);
      }),
      { numRuns: 600 },
    );
  });
});

describe('a flood', () => {
  const junk = (to: Node['identity'], n: number) =>
    n % 2 === 0 ? random.bytes(100) : encodeRandom(to.nodeId, head(identityOf(50)), random.bytes(20));

  it('from one address leaves others served', async () => {
    net = new Net();
    const [a, b] = [await net.node(1), await net.node(2)];
    const eve = await net.datagrams.bind({ ip: '10.0.0.66', port: 9000 });
    const answers: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) {
      for (let n = 0; n < 50; n++) eve.send(a.at, junk(a.identity, n));
      if (i % 10 === 0) answers.push(b.messenger.request(a.contact, PING, { retries: 0 }));
      await net.clock.advance(10);
    }
    await net.until(Promise.all(answers));
    // A second at 200 packets, after a burst of 500.
    expect(a.counts.get('dht_transport_rx_packets limited')).toBeGreaterThan(4000);
    expect(a.counts.get('dht_transport_rx_packets limited')).toBeLessThan(4400);
  });

  it('of handshakes from one address costs a bounded number of computations', async () => {
    const { identity, sessions, counts } = alone();
    const from = { ip: '10.0.0.66', port: 9000 };
    for (let i = 0; i < 60; i++) {
      const source = identityOf(1000 + i);
      sessions.receive({ from, bytes: encodeRandom(identity.nodeId, head(source), random.bytes(20)) });
      const packet = encodeHandshake(
        identity.nodeId,
        {
          ...head(source),
          signature: random.bytes(70),
          ephemeralKey: source.publicKey,
          record: recordOf(source, from).envelope,
          key: random.bytes(16),
        },
        ping(),
      );
      for (let n = 0; n < 3; n++) sessions.receive({ from, bytes: packet });
    }
    expect(counts.get('codex_discovery_handshakes refused')).toBe(DEFAULT_SESSION_LIMITS.handshakesBurst);
    expect(counts.get('codex_discovery_handshakes limited')).toBeGreaterThan(0);
  });

  it('of 100 000 packets from ever new addresses and ids leaves memory as it was', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const { identity, sessions, sent } = alone();
    const source = identityOf(50);
    const opening = Array.from({ length: 50 }, () => encodeRandom(identity.nodeId, head(source), random.bytes(20)));
    const nonsense = Array.from({ length: 50 }, () => random.bytes(80));
    const flood = async (count: number, part: number) => {
      for (let i = 0; i < count; i++) {
        const from = { ip: `${part}.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 1 + (i % 60_000) };
        sessions.receive({ from, bytes: (i % 10 === 0 ? opening : nonsense)[((i / 10) % 50) | 0]! });
        sent.length = 0;
        if (i % 1000 === 0) await net.clock.advance(20);
      }
      gc();
      return process.memoryUsage().heapUsed;
    };
    const before = await flood(20_000, 11);
    const after = await flood(80_000, 12);
    expect(after - before).toBeLessThan(3 * 1024 * 1024);
    const { challenges, queued, sent: recent, sessions: kept, sources } = sessions.sizes;
    expect(challenges).toBeLessThanOrEqual(DEFAULT_SESSION_LIMITS.challengesMax);
    expect(sources).toBeLessThanOrEqual(DEFAULT_SESSION_LIMITS.rateSourcesMax);
    expect([queued, recent, kept]).toEqual([0, 0, 0]);
  });
});
