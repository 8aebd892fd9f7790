import { afterEach, describe, expect, it } from 'vitest';
import type { Message, Response } from '../../src/message/message.ts';
import { decodeMessage, encodeMessage } from '../../src/message/message-codec.ts';
import type { SignedRecord } from '../../src/record/signed-record.ts';
import { identityOf, LATENCY_MS, Net, type NodeInit, PING, pong, type RawPeer, recordOf } from './net.ts';

let net = new Net();
afterEach(() => net.stop());

async function pair(init: NodeInit = {}) {
  net = new Net();
  return { a: await net.node(1), b: await net.node(2, init) };
}

/** A node, and a peer that answers each request with what the test says. */
async function withRaw(answer: (request: Message, raw: RawPeer) => readonly Message['body'][]) {
  net = new Net();
  const a = await net.node(1);
  const raw = await net.raw(2);
  raw.onMessage = (from, bytes) => {
    const request = decodeMessage(bytes, net.records);
    for (const body of answer(request, raw)) {
      raw.sessions.answer(from, encodeMessage({ requestId: request.requestId, body }));
    }
  };
  return { a, raw, ask: a.messenger.request(raw.contact, FIND) };
}

const FIND = { kind: 'findNode', distances: [256] } as const;
const GET = { kind: 'getProviders', content: identityOf(9).nodeId } as const;
const someRecords = (count: number) =>
  Array.from({ length: count }, (_, i) => recordOf(identityOf(100 + i), { ip: `10.1.0.${i + 1}`, port: 9000 }));
const RECORDS = someRecords(40);
const peers = (response: Response) =>
  response.kind === 'nodes' || response.kind === 'providers' ? response.records.map(({ peerId }) => peerId) : [];
const peersOf = (records: readonly SignedRecord[]) => records.map(({ peerId }) => peerId);

describe('a request', () => {
  it('to a new contact takes two round trips, and one to a known one', async () => {
    const { a, b } = await pair();
    const start = net.clock.now();
    expect(await net.until(a.messenger.request(b.contact, PING))).toEqual(pong(a.contact));
    expect(net.clock.now() - start).toBe(4 * LATENCY_MS);
    expect(net.datagrams.counts.sent).toBe(4);
    await net.until(a.messenger.request(b.contact, PING));
    expect(net.clock.now() - start).toBe(6 * LATENCY_MS);
    expect(net.datagrams.counts.sent).toBe(6);
    expect(b.heard).toEqual([PING, PING]);
  });

  it('tells the other side who it is, and that its address is right', async () => {
    const { a, b } = await pair();
    await net.until(a.messenger.request(b.contact, PING));
    expect(b.contacts).toEqual([{ from: { ...a.contact }, record: a.record, trusted: true }]);
    expect(a.contacts).toEqual([]);
    // b can ask back with what it learned.
    const { messenger } = b;
    await net.until(messenger.request({ id: a.identity.nodeId, endpoint: a.at }, PING));
    expect(a.heard).toEqual([PING]);
  });

  it('many at once to a new contact make one handshake', async () => {
    const { a, b } = await pair();
    const answers = Array.from({ length: 10 }, () => a.messenger.request(b.contact, PING));
    await net.until(Promise.all(answers));
    expect(b.counts.get('codex_discovery_handshakes accepted')).toBe(1);
    expect(b.heard.length).toBe(10);
    expect(net.datagrams.counts.sent).toBe(2 + 10 + 10);
  });

  it('to nobody ends after its tries', async () => {
    const { a } = await pair();
    const nobody = { ...identityOf(7), endpoint: { ip: '10.0.0.7', port: 9000 } };
    const to = { id: nobody.nodeId, endpoint: nobody.endpoint, record: recordOf(identityOf(7), nobody.endpoint) };
    const start = net.clock.now();
    expect(await net.outcome(a.messenger.request(to, PING))).toBe('REQUEST_TIMEOUT');
    expect(net.clock.now() - start).toBe(2000);
    expect(await net.outcome(a.messenger.request(to, PING, { retries: 0, timeoutMs: 300 }))).toBe('REQUEST_TIMEOUT');
    expect(net.clock.now() - start).toBe(2300);
    await net.clock.advance(1000);
    const { sent } = net.datagrams.counts;
    await net.clock.advance(10_000);
    expect(net.datagrams.counts.sent).toBe(sent);
    expect(sent).toBeLessThanOrEqual(6);
  });

  it('without a key of the contact is refused', async () => {
    const { a } = await pair();
    const to = { id: identityOf(7).nodeId, endpoint: { ip: '10.0.0.7', port: 1 } };
    await expect(a.messenger.request(to, PING)).rejects.toMatchObject({
      code: 'REQUEST_REFUSED',
      data: { reason: 'record' },
    });
  });

  it('ends with the signal', async () => {
    const { a, b } = await pair();
    const early = AbortSignal.abort(new Error('before'));
    await expect(a.messenger.request(b.contact, PING, { signal: early })).rejects.toThrow('before');
    const controller = new AbortController();
    const work = a.messenger.request(b.contact, PING, { signal: controller.signal });
    controller.abort(new Error('meanwhile'));
    await expect(work).rejects.toThrow('meanwhile');
    // The late answer harms nobody, nor is anything left to send.
    await net.clock.advance(5000);
    expect(net.clock.pending).toBe(0);
  });

  it('beyond the limits is refused, in all and by contact', async () => {
    net = new Net();
    const a = await net.node(1, { limits: { requestsMax: 3, requestsPerContactMax: 2 } });
    const [b, c] = [await net.node(2), await net.node(3)];
    const under = [b, b, c].map(({ contact }) => a.messenger.request(contact, PING));
    const refused = { code: 'REQUEST_REFUSED', data: { reason: 'limit' } };
    await expect(a.messenger.request(b.contact, PING)).rejects.toMatchObject(refused);
    await expect(a.messenger.request(c.contact, PING)).rejects.toMatchObject(refused);
    await net.until(Promise.all(under));
    const again = [b, b].map(({ contact }) => a.messenger.request(contact, PING));
    await expect(a.messenger.request(b.contact, PING)).rejects.toMatchObject(refused);
    await net.until(Promise.all(again));
  });

  it('is not answered by a node that wants to, or whose handler fails', async () => {
    const { a, b } = await pair({
      answer: (_from, request) => {
        if (request.kind === 'ping') throw new Error('a fault');
        return undefined;
      },
    });
    expect(await net.outcome(a.messenger.request(b.contact, PING))).toBe('REQUEST_TIMEOUT');
    expect(await net.outcome(a.messenger.request(b.contact, FIND))).toBe('REQUEST_TIMEOUT');
    expect(b.counts.get('dht_message_requests_incoming no_response')).toBe(2);
  });
});

describe('an answer', () => {
  it.each([0, 1, 3, 4, 16])('of %i nodes is put together, in order', async (count) => {
    const { a, b } = await pair({ answer: () => ({ kind: 'nodes', total: 1, records: RECORDS.slice(0, count) }) });
    const got = await net.until(a.messenger.request(b.contact, FIND));
    expect(peers(got)).toEqual(peersOf(RECORDS.slice(0, count)));
    const packets = Math.max(1, Math.ceil(count / 3));
    expect(got).toMatchObject({ total: packets });
    expect(b.counts.get('dht_transport_tx_packets ordinary')).toBe(packets);
  });

  it.each([0, 6, 40])('of %i providers comes in packets of at most 1280 bytes, the first ones first', async (count) => {
    const { a, b } = await pair({ answer: () => ({ kind: 'providers', total: 1, records: RECORDS.slice(0, count) }) });
    net.datagrams.setFaults({ mtuBytes: 1280 });
    const got = await net.until(a.messenger.request(b.contact, GET));
    expect(peers(got)).toEqual(peersOf(RECORDS.slice(0, count)));
    expect(net.datagrams.counts.tooLong).toBe(0);
    expect(b.counts.get('dht_transport_tx_packets ordinary')).toBe(Math.max(1, Math.ceil(count / 6)));
  });

  it('may come in one large packet, as the reference sends it', async () => {
    const large = RECORDS.slice(0, 16);
    const { ask, raw } = await withRaw(() => [{ kind: 'nodes', total: 1, records: large }]);
    expect(peers(await net.until(ask))).toEqual(peersOf(large));
    expect(raw.sent.at(-1)?.bytes.length).toBeGreaterThan(2500);
  });

  it('is what came when its tail is lost', async () => {
    const { ask } = await withRaw(() => [
      { kind: 'nodes', total: 3, records: RECORDS.slice(0, 3) },
      { kind: 'nodes', total: 3, records: RECORDS.slice(3, 6) },
    ]);
    const start = net.clock.now();
    expect(peers(await net.until(ask))).toEqual(peersOf(RECORDS.slice(0, 6)));
    expect(net.clock.now() - start).toBe(4 * LATENCY_MS + 1000);
  });

  it.each([0, 1_000_000])('with a total of %i ends all the same', async (total) => {
    const { ask } = await withRaw(() => [{ kind: 'nodes', total, records: RECORDS.slice(0, 2) }]);
    expect(peers(await net.until(ask))).toEqual(peersOf(RECORDS.slice(0, 2)));
  });

  it('that never ends is cut', async () => {
    const { ask } = await withRaw(() =>
      RECORDS.map((record): Message['body'] => ({ kind: 'nodes', total: 1_000_000, records: [record] })),
    );
    expect(peers(await net.until(ask)).length).toBe(16);
  });

  it('counts a packet once that comes again', async () => {
    const packets = [RECORDS.slice(0, 3), RECORDS.slice(3, 6)].map((records): Message['body'] => ({
      kind: 'nodes',
      total: 2,
      records,
    }));
    const { ask } = await withRaw(() => [packets[0]!, packets[0]!, packets[1]!]);
    expect(peers(await net.until(ask))).toEqual(peersOf(RECORDS.slice(0, 6)));
  });

  it('of another kind fails the request', async () => {
    const { ask } = await withRaw(() => [{ kind: 'talkResponse', response: new Uint8Array(0) }]);
    expect(await net.outcome(ask)).toBe('RESPONSE_UNEXPECTED');
  });

  it('is taken from the one who was asked only', async () => {
    net = new Net();
    const a = await net.node(1);
    const [b, eve] = [await net.raw(2), await net.raw(3)];
    b.onMessage = (_from, bytes) => {
      // The other one knows the request id, and has a session of its own.
      const { requestId } = decodeMessage(bytes, net.records);
      eve.send(a.contact, encodeMessage({ requestId, body: pong(a.contact) }));
    };
    expect(await net.outcome(a.messenger.request(b.contact, PING))).toBe('REQUEST_TIMEOUT');
    expect(a.counts.get('dht_unsolicited_messages')).toBeGreaterThan(0);
    expect(eve.counts.get('codex_discovery_handshakes made')).toBe(1);
  });

  it('that does not decode is dropped, and the connection lives on', async () => {
    let junk = true;
    const { a, raw, ask } = await withRaw(() => [pong(a.contact)]);
    const right = raw.onMessage;
    raw.onMessage = (from, bytes) => {
      if (junk)
        for (const bytes of [[], [2], [0x07, 1], [255, 1, 2]]) raw.sessions.answer(from, Uint8Array.from(bytes));
      else right(from, bytes);
    };
    expect(await net.outcome(ask)).toBe('REQUEST_TIMEOUT');
    expect(a.counts.get('codex_discovery_invalid_messages')).toBeGreaterThanOrEqual(3);
    junk = false;
    expect(await net.outcome(a.messenger.request(raw.contact, PING))).toBe('done');
  });
});

describe('a notice', () => {
  it('arrives, through a handshake where needed, and waits for no answer', async () => {
    const { a, b } = await pair();
    const notice = { kind: 'addProvider', content: GET.content, record: RECORDS[0]! } as const;
    a.messenger.notify(b.contact, notice);
    a.messenger.notify(b.contact, notice);
    await net.clock.advance(4 * LATENCY_MS);
    expect(b.heard).toMatchObject(
      [notice, notice].map(({ kind, record }) => ({ kind, record: { peerId: record.peerId } })),
    );
    expect(net.datagrams.counts.sent).toBe(4);
  });

  it('to nobody is given up', async () => {
    const { a, b } = await pair();
    await b.messenger.stop();
    a.messenger.notify(b.contact, { kind: 'addProvider', content: GET.content, record: RECORDS[0]! });
    await net.clock.advance(5000);
    expect(net.clock.pending).toBe(0);
    expect(net.datagrams.counts.sent).toBeLessThanOrEqual(4);
  });
});

describe('starting and stopping', () => {
  it('fails what waits, sends nothing more, and takes late packets', async () => {
    const { a, b } = await pair();
    const work = [a.messenger.request(b.contact, PING), a.messenger.request(b.contact, FIND)];
    await net.clock.advance(LATENCY_MS);
    const codes = Promise.all(work.map((one) => one.catch((error) => error.code)));
    await a.messenger.stop();
    expect(await codes).toEqual(['DISCOVERY_STOPPED', 'DISCOVERY_STOPPED']);
    expect(a.messenger.local).toBeUndefined();
    const { sent } = net.datagrams.counts;
    await net.clock.advance(5000);
    expect(net.datagrams.counts.sent).toBe(sent);
    await expect(a.messenger.request(b.contact, PING)).rejects.toMatchObject({ code: 'DISCOVERY_STOPPED' });
    a.messenger.notify(b.contact, { kind: 'addProvider', content: GET.content, record: RECORDS[0]! });
    await a.messenger.stop();
  });

  it('refuses an address that is taken', async () => {
    await pair();
    await expect(net.node(1)).rejects.toMatchObject({ code: 'BIND_FAILED' });
  });
});
