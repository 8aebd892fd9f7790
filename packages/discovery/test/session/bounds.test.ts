import { seededRandom, VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { Challenges } from '../../src/session/challenges.ts';
import { Dials, type Outgoing } from '../../src/session/dials.ts';
import { DEFAULT_SESSION_LIMITS } from '../../src/session/limits.ts';
import { RateLimiter } from '../../src/session/rate-limiter.ts';
import { RecentNonces } from '../../src/session/recent-nonces.ts';
import { SentMessages } from '../../src/session/sent-messages.ts';
import { SessionCache } from '../../src/session/session-cache.ts';
import { sourceOf } from '../../src/session/source.ts';
import { identityOf } from '../messenger/net.ts';

const CONTACTS = [1, 2, 3].map((number) => ({
  id: identityOf(number).nodeId,
  endpoint: { ip: `10.0.0.${number}`, port: 9000 },
}));
const keyOf = (n: number) => `${CONTACTS[n]?.id.hex}@10.0.0.${n + 1}:9000`;

function message(contact = 0, wanted = () => true): Outgoing {
  return { to: CONTACTS[contact]!, bytes: new Uint8Array(1), wanted };
}

describe('rates', () => {
  const limits = {
    packetsPerSecond: 10,
    packetsBurst: 20,
    handshakesPerSecond: 2,
    handshakesBurst: 4,
    handshakesTotalPerSecond: 6,
    rateSourcesMax: 100,
  };
  const setup = () => {
    let now = 0;
    const limiter = new RateLimiter(limits, () => now);
    const count = (allow: () => boolean, times = 50) => Array.from({ length: times }, allow).filter(Boolean).length;
    return {
      limiter,
      pass: (ms: number) => {
        now += ms;
      },
      packets: (ip: string) => count(() => limiter.allowPacket(ip)),
      handshakes: (ip: string) => count(() => limiter.allowHandshake(ip)),
    };
  };

  it('let a burst pass, then a steady stream, by address', () => {
    const { pass, packets } = setup();
    expect(packets('10.0.0.1')).toBe(20);
    expect(packets('10.0.0.2')).toBe(20);
    pass(1000);
    expect(packets('10.0.0.1')).toBe(10);
    pass(60_000);
    expect(packets('10.0.0.1')).toBe(20);
  });

  it('let fewer handshakes pass, and bound those of everybody', () => {
    const { pass, handshakes } = setup();
    expect(handshakes('10.0.0.1')).toBe(4);
    expect(handshakes('10.0.0.2')).toBe(2);
    expect(handshakes('10.0.0.3')).toBe(0);
    pass(1000);
    expect(handshakes('10.0.0.3')).toBe(4);
    expect(handshakes('10.0.0.1')).toBe(2);
  });

  it('do not hold for loopback', () => {
    const { packets, handshakes } = setup();
    for (const ip of ['127.0.0.1', '127.8.0.1', '::1']) expect([packets(ip), handshakes(ip)]).toEqual([50, 50]);
  });

  it('take the 64 bits of an IPv6 network for one source', () => {
    const { packets } = setup();
    expect(packets('2001:db8:0:1::1')).toBe(20);
    expect(packets('2001:db8::1:0:0:0:2')).toBe(0);
    expect(packets('2001:db8:0:2::1')).toBe(20);
  });

  it('remember few addresses: those that are busy, and never too many', () => {
    const { limiter, pass } = setup();
    for (let i = 0; i < 1000; i++) limiter.allowPacket(`10.0.${i >> 8}.${i & 255}`);
    expect(limiter.size).toBe(100);
    pass(10_000);
    limiter.allowPacket('10.9.9.9');
    expect(limiter.size).toBe(1);
  });
});

describe('the source of an address', () => {
  it('is itself for IPv4, its network for IPv6 however written', () => {
    expect(sourceOf('1.2.3.4')).toBe('1.2.3.4');
    expect(sourceOf('2001:db8::1')).toBe('2001:db8:0:0');
    expect(sourceOf('1:2:3:4:5:6:7:8')).toBe('1:2:3:4');
    expect(sourceOf('::')).toBe('0:0:0:0');
    expect(sourceOf('1::')).toBe('1:0:0:0');
    expect(sourceOf('1:2:3:4::')).toBe('1:2:3:4');
  });
});

describe('challenges', () => {
  const limits = { challengesMax: 10, challengesPerAddressMax: 3 };
  const setup = () => {
    let now = 0;
    const challenges = new Challenges(limits, () => now);
    const challenge = (ip: string) => ({
      ip,
      nonce: new Uint8Array(12),
      bytes: new Uint8Array(63),
      challengeData: new Uint8Array(63),
      publicKey: undefined,
    });
    return {
      challenges,
      add: (key: string, ip = '10.0.0.1') => challenges.add(key, challenge(ip)),
      pass: (ms: number) => {
        now += ms;
      },
    };
  };

  it('stand in the way for half a second and are taken for one', () => {
    const { challenges, add, pass } = setup();
    add('a');
    expect(challenges.outstanding('a')).toBeDefined();
    pass(500);
    expect(challenges.outstanding('a')).toBeUndefined();
    expect(challenges.has('a')).toBe(true);
    pass(500);
    expect(challenges.has('a')).toBe(false);
    expect(challenges.size).toBe(0);
  });

  it('are bounded by address and in all, and make room again', () => {
    const { challenges, add, pass } = setup();
    for (const key of ['a', 'b', 'c']) add(key);
    expect(challenges.hasRoom('10.0.0.1')).toBe(false);
    expect(challenges.hasRoom('10.0.0.2')).toBe(true);
    challenges.delete('b');
    expect(challenges.hasRoom('10.0.0.1')).toBe(true);
    for (let i = 0; i < 20; i++) add(`x${i}`, `10.1.0.${i}`);
    expect(challenges.size).toBe(10);
    expect(challenges.has('a')).toBe(false);
    pass(1000);
    expect(challenges.hasRoom('10.1.0.19')).toBe(true);
    expect(challenges.size).toBe(0);
  });

  it('of loopback are bounded in all only', () => {
    const { challenges, add } = setup();
    for (let i = 0; i < 5; i++) add(`x${i}`, '127.0.0.1');
    expect(challenges.hasRoom('127.0.0.1')).toBe(true);
  });
});

describe('dials', () => {
  it('send again while somebody waits, and end by themselves', async () => {
    const clock = new VirtualClock();
    const dials = new Dials(clock, DEFAULT_SESSION_LIMITS);
    let wanted = true;
    let sent = 0;
    dials.open(
      message(0, () => wanted),
      () => sent++,
    );
    await clock.advance(1100);
    expect(sent).toBe(3);
    wanted = false;
    await clock.advance(1000);
    expect([sent, dials.queued, dials.has(keyOf(0)), clock.pending]).toEqual([3, 0, false, 0]);
  });

  it('queue messages once each, in order, within their bounds', () => {
    const dials = new Dials(new VirtualClock(), { queuedPerContactMax: 3, queuedMax: 5 });
    const [a, b, c, d] = [message(), message(), message(), message()];
    const nothing = () => {};
    expect(dials.queue(keyOf(0), a)).toBe(false);
    expect(dials.open(a, nothing)).toBe(true);
    expect([b, c, b, a, d].map((one) => dials.queue(keyOf(0), one))).toEqual([true, true, true, true, false]);
    expect(dials.open(message(1), nothing)).toBe(true);
    expect(dials.queue(keyOf(1), message(1))).toBe(true);
    expect(dials.queue(keyOf(1), message(1))).toBe(false);
    expect(dials.open(message(2), nothing)).toBe(false);
    expect(dials.queued).toBe(5);
    expect(dials.finish(keyOf(0))).toEqual([a, b, c]);
    expect(dials.queued).toBe(2);
    dials.close();
    expect(dials.queued).toBe(0);
  });
});

describe('messages that were sent', () => {
  const nonce = (n: number) => new Uint8Array(12).fill(n);

  it('are found by nonce for a second, once', () => {
    let now = 0;
    const sent = new SentMessages(10, () => now);
    const [a, b] = [message(), message()];
    sent.add(nonce(1), 'x', a);
    expect(sent.take(nonce(2))).toBeUndefined();
    expect(sent.take(nonce(1))?.message).toBe(a);
    expect(sent.take(nonce(1))).toBeUndefined();
    sent.add(nonce(3), 'x', b);
    now = 1000;
    expect(sent.take(nonce(3))).toBeUndefined();
    expect(sent.size).toBe(0);
  });

  it('are found by contact, and are never too many', () => {
    const sent = new SentMessages(4, () => 0);
    const messages = Array.from({ length: 6 }, () => message());
    for (const [i, one] of messages.entries()) sent.add(nonce(i), i % 2 ? 'odd' : 'even', one);
    expect(sent.size).toBe(4);
    expect(sent.takeAll('odd')).toEqual([messages[3], messages[5]]);
    expect(sent.size).toBe(2);
  });
});

describe('nonces', () => {
  it('are known again, and hardly ever taken for others', () => {
    const nonces = new RecentNonces();
    const random = seededRandom(4);
    for (let i = 0; i < 20_000; i++) {
      const nonce = random.bytes(12);
      expect(nonces.seen(nonce)).toBe(false);
      expect(nonces.seen(nonce)).toBe(true);
    }
  });

  it('of the last moments are known after some others', () => {
    const nonces = new RecentNonces();
    const random = seededRandom(4);
    const first = random.bytes(12);
    nonces.seen(first);
    for (let i = 0; i < 20; i++) nonces.seen(random.bytes(12));
    expect(nonces.seen(first)).toBe(true);
  });
});

describe('the cache of sessions', () => {
  const keys = () => ({ read: new Uint8Array(16), write: new Uint8Array(16) });

  it('keeps those that were used last', () => {
    const cache = new SessionCache(2);
    cache.put('a', keys());
    cache.put('b', keys());
    expect(cache.get('a')).toBeDefined();
    cache.put('c', keys());
    expect([cache.get('a') !== undefined, cache.get('b') !== undefined, cache.size]).toEqual([true, false, 2]);
  });
});
