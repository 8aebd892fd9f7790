import { CodexError } from '@codex/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonFormat, type LogRecord, textFormat, timestamp } from '../../src/logging/format.ts';

const CID = 'zDvZRwzm3nnkekFLCACmWyKdkYixsX3j9gJhkvFtfYA5K9MLyzDSVL'.slice(0, 49);
const PEER = '16Uiu2HAm3R76XEqVvKXhthdcwAw8a8b5rZ1mzHRJ2fjEY6re9nkB';

function record(props?: LogRecord['props'], message = 'Received blocks from peer'): LogRecord {
  return { level: 'info', time: Date.UTC(2026, 10, 21, 6, 7, 8, 9), message, topics: 'codex blockexc', tid: 42, props };
}

describe('text', () => {
  it('stands in the columns that the reference’s tools parse', () => {
    const line = textFormat(record({ peer: PEER, blocks: 20 }));
    expect(line).toMatch(
      /^INF \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d Received blocks from peer {17} {1}topics="codex blockexc" tid=42 peer=16U\*re9nkB blocks=20\n$/,
    );
    expect(line.slice(34)).toMatch(/^Received/);
    expect(line.slice(4, 14)).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it.each([
    ['INF', 'info'],
    ['TRC', 'trace'],
    ['DBG', 'debug'],
    ['NTC', 'notice'],
    ['WRN', 'warn'],
    ['ERR', 'error'],
    ['FAT', 'fatal'],
  ] as const)('%s is %s', (short, level) => {
    expect(textFormat({ ...record(), level }).slice(0, 4)).toBe(`${short} `);
  });

  it.each<[unknown, string]>([
    ['plain', 'plain'],
    ['two words', '"two words"'],
    ['a=b', '"a=b"'],
    ['', '""'],
    ['say "x"', '"say \\"x\\""'],
    ['back\\slash', '"back\\\\slash"'],
    ['line\nbreak', '"line\\nbreak"'],
    ['\u001b[31m', '"\\x1B[31m"'],
    ['é', '"\\xC3\\xA9"'],
    [CID, `${CID.slice(0, 3)}*${CID.slice(-6)}`],
    [`0x${'ab12'.repeat(16)}`, '0xab12..ab12'],
    [5, '5'],
    [true, 'true'],
    [['a', 'b'], '"@[a, b]"'],
    [new CodexError('X', 'broken'), '"X: broken"'],
    [new Error('outer', { cause: new Error('inner') }), '"outer (inner)"'],
    [
      new AggregateError([new Error('one', { cause: new Error('deep') }), new Error('two')], 'both'),
      '"both (one (deep); two)"',
    ],
  ])('writes %j as %s', (value, text) => {
    expect(textFormat(record({ key: value }))).toContain(` key=${text}\n`);
  });

  it('is one line of printable ASCII whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.dictionary(fc.string({ unit: 'binary' }), fc.anything()),
        (message, props) => {
          expect(textFormat(record(props, message))).toMatch(/^[ -~]+\n$/);
        },
      ),
    );
  });
});

it('shows an error that is its own cause', () => {
  const error = new Error('loop');
  error.cause = error;
  expect(textFormat(record({ error }))).toContain('loop (loop');
});

it('writes whole numbers of any size', () => {
  expect(textFormat(record({ key: 5n }))).toContain(' key=5\n');
});

describe('json', () => {
  it('has the reference’s keys and full values', () => {
    const line = JSON.parse(jsonFormat(record({ peer: PEER, size: 7n, nested: { a: [1] }, msg: 'mine' })));
    expect(Object.keys(line)).toEqual(['lvl', 'ts', 'msg', 'topics', 'tid', 'peer', 'size', 'nested', 'msg_']);
    expect(line).toMatchObject({
      lvl: 'INF',
      msg: 'Received blocks from peer',
      topics: 'codex blockexc',
      tid: 42,
      peer: PEER,
      size: '7',
    });
  });

  it('is one parsable line whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (message, props) => {
        const line = jsonFormat(record(props, message));
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(JSON.parse(line).msg).toBe(message);
      }),
    );
  });
});

it('hides secrets in both forms', () => {
  const props = {
    privateKey: 'f00d',
    ethPrivateKey: new Uint8Array(4),
    password: 'x1y2',
    provider: 'ws://user:pa55@host/',
    api: { secret: 'deep' },
  };
  for (const line of [textFormat(record(props)), jsonFormat(record(props))]) {
    expect(line).not.toMatch(/f00d|0x00000000|x1y2|pa55|deep/);
    expect(line).toContain('***');
  }
});

it('timestamps are local time with their offset', () => {
  const now = Date.now();
  const text = timestamp(now);
  expect(Date.parse(text.replace(' ', 'T'))).toBe(now);
  expect(text).toHaveLength(29);
});
