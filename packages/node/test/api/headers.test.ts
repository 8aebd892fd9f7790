import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefersText } from '../../src/api/accept.ts';
import { readRange } from '../../src/api/byte-range.ts';
import { readFilename, writeAttachment } from '../../src/api/content-disposition.ts';
import { originMatches } from '../../src/api/cors.ts';
import { isValidFilename } from '../../src/api/filename.ts';
import { uploadMediaType } from '../../src/api/media-type.ts';

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

describe('readFilename', () => {
  it.each([
    ['attachment; filename="hello.txt"', 'hello.txt'],
    ['attachment; filename=plain.txt', 'plain.txt'],
    ['attachment;filename="a b.txt"; size=3', 'a b.txt'],
    ['attachment; FileName = "x"', 'x'],
    ['attachment; filename="say \\"hi\\".txt"', 'say "hi".txt'],
    ['attachment; filename="plain"; filename*=UTF-8\'\'na%C3%AFve.txt', 'naïve.txt'],
    ["attachment; filename*=iso-8859-1'en'na%EFve.txt", 'naïve.txt'],
    ['attachment; filename="plain"; filename*=UTF-8\'\'%zz', 'plain'],
    ['attachment; filename="plain"; filename*=UTF-8\'\'%ff', 'plain'],
    [latin1('attachment; filename="naïve.txt"'), 'naïve.txt'],
    ['attachment; filename="na\u00efve.txt"', 'naïve.txt'],
    ['attachment; filename=""', ''],
    // The reference's reading: everything up to the last character.
    ['attachment; filename="a"b.txt"', 'a"b.txt'],
    ['attachment', undefined],
    ['', undefined],
    ['attachment; name="x"', undefined],
  ])('%s → %s', (header, name) => {
    expect(readFilename(header)).toBe(name);
  });

  it('reads back every name that can be written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), (name) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are replaced
        const expected = name.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f/\\\u2028\u2029]/g, '_');
        fc.pre([...expected].length <= 255);
        expect(readFilename(writeAttachment(name))).toBe(expected);
      }),
    );
  });

  it('takes any header', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `attachment; filename${text}`),
        ),
        (header) => {
          const name = readFilename(latin1(header));
          expect(name === undefined || typeof name === 'string').toBe(true);
        },
      ),
    );
  });
});

describe('writeAttachment', () => {
  it('never leaves the quoted string or the header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const header = writeAttachment(name);
        expect(header).toMatch(
          /^attachment(; filename="[^"\\\r\n%]*"(; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]*)?)?$/,
        );
        expect(Buffer.byteLength(header)).toBeLessThan(4000);
      }),
    );
  });

  it('keeps separators out of the name', () => {
    expect(writeAttachment('../../etc/passwd')).toBe('attachment; filename=".._.._etc_passwd"');
  });
});

describe('isValidFilename', () => {
  it.each(['a', 'a.txt', 'a/b.txt', '.bashrc', 'naïve.txt', 'exam.p*le', 'com10', `${'x'.repeat(255)}.txt`])(
    'takes %s',
    (name) => {
      expect(isValidFilename(name)).toBe(true);
    },
  );

  it.each([
    '',
    'a/',
    'exam*ple.txt',
    'a\\b',
    'a:b',
    'a?.txt',
    'a"b.txt',
    ' a.txt',
    'a .txt',
    'a..txt',
    'CON',
    'nul.txt',
    'lpt9',
    'a\nb',
    'a.t\0t',
    `${'x'.repeat(256)}.txt`,
  ])('refuses %j', (name) => {
    expect(isValidFilename(name)).toBe(false);
  });
});

describe('uploadMediaType', () => {
  it.each([
    ['text/plain', 'text/plain'],
    ['text/plain; charset=utf-8', 'text/plain'],
    ['Image/PNG', 'Image/PNG'],
    ['application/vnd.something.new+json', 'application/vnd.something.new+json'],
    ['x-conference/x-cooltalk', 'x-conference/x-cooltalk'],
    ['not/amime', undefined],
    ['text', undefined],
    ['text/', undefined],
    ['text/plain/x', undefined],
    ['text/pl ain', undefined],
    ['*/*', undefined],
    ['multipart/form-data; boundary=x', undefined],
    ['application/x-www-form-urlencoded', undefined],
    ['Application/X-WWW-Form-Urlencoded', undefined],
  ])('%s → %s', (header, type) => {
    expect(uploadMediaType(header)).toBe(type);
  });
});

describe('prefersText', () => {
  it.each([
    [undefined, false],
    ['*/*', false],
    ['text/plain', true],
    ['TEXT/PLAIN', true],
    ['text/plain, application/json', true],
    ['application/json, text/plain', false],
    ['application/json;q=0.5, text/plain;q=0.9', true],
    ['text/plain;q=0.1, */*', false],
    ['text/html', false],
    ['text/plain;q=0', false],
    [';;,,q=', false],
  ])('%s → %s', (accept, text) => {
    expect(prefersText(accept)).toBe(text);
  });
});

describe('originMatches', () => {
  it.each([
    ['*', 'http://a', true],
    ['http://a', 'http://a', true],
    ['a:8080', 'http://a:8080', true],
    ['a:8080', 'https://a:8080', true],
    ['http://a', 'https://a', false],
    ['a', 'http://ba', false],
    ['a', 'http://a.b', false],
  ])('%s for %s: %s', (setting, origin, matches) => {
    expect(originMatches(setting, origin)).toBe(matches);
  });
});

describe('readRange', () => {
  it.each([
    ['bytes=0-9', { start: 0, end: 10 }],
    ['bytes=90-', { start: 90, end: 100 }],
    ['bytes=-10', { start: 90, end: 100 }],
    ['bytes=-1000', { start: 0, end: 100 }],
    ['bytes=50-1000', { start: 50, end: 100 }],
    ['bytes=99-99', { start: 99, end: 100 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-0', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,3-4', undefined],
    ['lines=0-1', undefined],
    ['bytes=0x1-2', undefined],
    [undefined, undefined],
  ])('%s of 100', (header, range) => {
    expect(readRange(header, 100)).toEqual(range);
  });

  it('stays inside the body', () => {
    const number = fc.oneof(fc.constant(''), fc.maxSafeNat().map(String), fc.bigInt({ min: 0n }).map(String));
    fc.assert(
      fc.property(number, number, fc.integer({ min: 1, max: 1000 }), (first, last, size) => {
        const range = readRange(`bytes=${first}-${last}`, size);
        if (typeof range !== 'object') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeGreaterThan(range.start);
        expect(range.end).toBeLessThanOrEqual(size);
      }),
    );
  });
});
