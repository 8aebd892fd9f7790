import { readFileSync } from 'node:fs';
import { blockCid, decodeProof, formatCid, parseCid } from '@codex/content';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../src/message/decode.ts';
import { encodeMessage, frameMessage } from '../src/message/encode.ts';
import { ByteBudget, FrameReader } from '../src/message/frame-reader.ts';
import { type BlockAddress, type Message, message, PRESENCE, WANT } from '../src/message/message.ts';

/** Produced by running nim-codex, commit bd360322. */
const vectors = JSON.parse(readFileSync(new URL('vectors/blockexc_messages.json', import.meta.url), 'utf8')) as {
  messages: { name: string; bytes: string; fields: Record<string, unknown> }[];
};

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('messages of a reference node', () => {
  for (const [position, vector] of vectors.messages.entries()) {
    it(`reads and writes ${vector.name} (${position}) byte for byte`, () => {
      const decoded = decodeMessage(hex(vector.bytes));
      expect(toHex(encodeMessage(decoded).finish())).toBe(vector.bytes);
    });
  }

  it('finds the fields in them', () => {
    const byName = (name: string, position = 0) =>
      decodeMessage(hex(vectors.messages.filter((vector) => vector.name === name)[position]!.bytes));
    expect(byName('pendingBytes').pendingBytes).toBe(300_000);
    const [first, second] = [byName('wantlist-leaf'), byName('wantlist-leaf', 1)];
    expect(first.wantList.full).toBe(true);
    expect(first.wantList.entries.map((entry) => entry.wantType)).toEqual([WANT.have, WANT.have]);
    expect(first.wantList.entries[1]).toMatchObject({ sendDontHave: true, cancel: false, priority: 0 });
    expect(second.wantList.entries[0]).toMatchObject({ priority: 5, wantType: WANT.have, sendDontHave: false });
    const [leaf, plain] = byName('presence').presences;
    expect(leaf).toMatchObject({ type: PRESENCE.dontHave, address: { leaf: true, index: 2 } });
    expect(leaf!.price).toHaveLength(32);
    expect(plain!.price).toHaveLength(0);
    const [delivery] = byName('delivery-leaf').payload;
    expect(formatCid(blockCid(delivery!.cid.slice(-32)))).toBe('zDxWB8ECzmpGR7GxsTmXHc644an5wQ9RidhTVTCezmMG3aXzV8qw');
    expect(decodeProof(delivery!.proof)).toMatchObject({ index: 1, leafCount: 3 });
    expect(Buffer.from(byName('payment').payment).toString()).toBe('{}');
  });
});

describe('examples of 04 §3', () => {
  const tail = '280032020a003a020a00';
  const cid = parseCid('zDxWB8ED6uggntfqPSRatsR2CyY3NHaa5EojwTFx5qtebrFDKb8g').bytes;
  const want = (address: BlockAddress, wantType: 0 | 1) => ({
    address,
    priority: 0,
    cancel: false,
    wantType,
    sendDontHave: false,
  });

  it('empty', () => expect(toHex(encodeMessage(message({})).finish())).toBe(`0a021000${tail}`));
  it('want-have of a manifest, full', () => {
    const sent = message({ wantList: { entries: [want({ leaf: false, cid }, WANT.have)], full: true } });
    expect(toHex(encodeMessage(sent).finish())).toBe(`0a380a340a2a08002226${toHex(cid)}10001800200128001001${tail}`);
  });
  it('want-block of leaf 0', () => {
    const address = { leaf: true, treeCid: cid, index: 0 } as const;
    const sent = message({ wantList: { entries: [want(address, WANT.block)], full: false } });
    expect(toHex(encodeMessage(sent).finish())).toBe(
      `0a3a0a360a2c08011226${toHex(cid)}180010001800200028001000${tail}`,
    );
  });
  it('presence of leaf 0', () => {
    const address = { leaf: true, treeCid: cid, index: 0 } as const;
    const sent = message({ presences: [{ address, type: PRESENCE.have, price: new Uint8Array(32) }] });
    expect(toHex(encodeMessage(sent).finish())).toBe(
      `0a02100022520a2c08011226${toHex(cid)}180010001a20${'00'.repeat(32)}${tail}`,
    );
  });
});

describe('decoder', () => {
  const bytes = fc.uint8Array({ maxLength: 64 });
  const address: fc.Arbitrary<BlockAddress> = fc.oneof(
    fc.record({ leaf: fc.constant(true as const), treeCid: bytes, index: fc.maxSafeNat() }),
    fc.record({ leaf: fc.constant(false as const), cid: bytes }),
  );
  const anyMessage: fc.Arbitrary<Message> = fc.record({
    wantList: fc.record({
      full: fc.boolean(),
      entries: fc.array(
        fc.record({
          address,
          priority: fc.nat(2 ** 31 - 1),
          cancel: fc.boolean(),
          wantType: fc.constantFrom(WANT.block, WANT.have),
          sendDontHave: fc.boolean(),
        }),
      ),
    }),
    payload: fc
      .array(fc.record({ cid: bytes, data: fc.uint8Array({ maxLength: 3000 }), address, proof: bytes }), {
        maxLength: 5,
      })
      .map((list) =>
        list.map((delivery) => (delivery.address.leaf ? delivery : { ...delivery, proof: new Uint8Array(0) })),
      ),
    presences: fc.array(fc.record({ address, type: fc.constantFrom(PRESENCE.have, PRESENCE.dontHave), price: bytes })),
    pendingBytes: fc.maxSafeNat(),
    account: bytes,
    payment: bytes,
  });

  it('reads what the encoder writes', () => {
    fc.assert(
      fc.property(anyMessage, (sent) => {
        expect(decodeMessage(encodeMessage(sent).finish())).toEqual(sent);
      }),
      { numRuns: 200 },
    );
  });

  it('never fails otherwise than with MESSAGE_INVALID, whatever bytes arrive', () => {
    const tolerant = (input: Uint8Array) => {
      try {
        decodeMessage(input);
      } catch (error) {
        expect(error).toMatchObject({ code: 'MESSAGE_INVALID' });
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), tolerant), { numRuns: 2000 });
    const flipped = fc.tuple(anyMessage, fc.nat(), fc.nat(255)).map(([sent, at, value]) => {
      const whole = encodeMessage(sent).finish();
      whole[at % whole.length] = value;
      return whole;
    });
    fc.assert(fc.property(flipped, tolerant), { numRuns: 1000 });
  });

  const refuse = (text: string) =>
    expect(() => decodeMessage(hex(text))).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
  it('refuses what kills a reference node', () => {
    refuse('0a0a 0a08 0a04 0800 2200 2002'); // type of want 2
    refuse('0a0e 0a0c 0a04 0800 2200 10 8080808008'); // priority 2^31
    refuse('1a0a 0a00 1a06 0800 2202 0101'); // delivery without data
    refuse('220a 0a04 0800 2200 1002 1a00'); // type of presence 2
    refuse('0a13 0a11 0a0f 0801 1200 18 ffffffffffffffffff01'); // index 2^64−1
    refuse('0a05 0a03 1000'); // truncated
  });
  it('accepts omitted scalars as zero and skips unknown fields', () => {
    const decoded = decodeMessage(hex('0a06 0a04 0a02 2200 7801'));
    expect(decoded.wantList.entries[0]).toMatchObject({
      priority: 0,
      cancel: false,
      wantType: WANT.block,
      sendDontHave: false,
    });
    expect(decodeMessage(new Uint8Array(0))).toEqual(message({}));
  });
  it('refuses more entries than the limit', () => {
    const entry = {
      address: { leaf: false, cid: new Uint8Array(38) },
      priority: 0,
      cancel: false,
      wantType: WANT.have,
      sendDontHave: false,
    } as const;
    const sent = encodeMessage(message({ wantList: { entries: Array(11).fill(entry), full: false } })).finish();
    expect(() => decodeMessage(sent, { entriesMax: 10, deliveriesMax: 10 })).toThrow(/too many wants/);
  });
});

describe('FrameReader', () => {
  const reader = (messageMaxBytes: number, budget = new ByteBudget(1e9)) => {
    const messages: Uint8Array[] = [];
    return {
      messages,
      budget,
      reader: new FrameReader({ budget, onMessage: (m) => messages.push(m) }, { messageMaxBytes }),
    };
  };

  it('finds the messages however the stream is cut', () => {
    const lists = fc.tuple(
      fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
    );
    fc.assert(
      fc.property(lists, ([bodies, cuts]) => {
        const stream = Buffer.concat(
          bodies.flatMap((body) =>
            [body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7], body].map((x) =>
              Buffer.from(x),
            ),
          ),
        );
        const { messages, reader: frames, budget } = reader(400);
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length]!;
          frames.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(messages.map(toHex)).toEqual(bodies.map(toHex));
        expect(frames.idle).toBe(true);
        expect(budget.usedBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a length over the limit when its digits arrive, and holds nothing', () => {
    const { reader: frames, budget } = reader(32 * 2 ** 20);
    expect(() => frames.push(hex('80808032'))).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }));
    expect(budget.usedBytes).toBe(0);
    expect(() => reader(2 ** 34).reader.push(hex('8080808080'))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INVALID' }),
    );
  });

  it('shares one budget of unfinished bytes', () => {
    const budget = new ByteBudget(1000);
    const one = reader(2000, budget).reader;
    const two = reader(2000, budget).reader;
    one.push(hex('d00f'));
    one.push(new Uint8Array(900));
    two.push(hex('d00f'));
    expect(() => two.push(new Uint8Array(200))).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }));
    one.close();
    expect(budget.usedBytes).toBe(0);
  });

  it('frames what the reader reads', () => {
    const { messages, reader: frames } = reader(1e6);
    frames.push(frameMessage(message({ pendingBytes: 7 })));
    expect(decodeMessage(messages[0]!).pendingBytes).toBe(7);
  });
});
