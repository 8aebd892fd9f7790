import { describe, expect, it } from 'vitest';
import { apiUrl } from '../src/api-url.ts';
import { bodyPlace, storedName, unsatisfiedTotal } from '../src/content-headers.ts';
import { formatBytes, formatSeconds, printable, table } from '../src/format.ts';
import { outputPath } from '../src/output-file.ts';
import { peerTarget } from '../src/peer-address.ts';
import { contentDisposition } from '../src/upload.ts';

describe('the node to talk to', () => {
  it.each([
    [{}, {}, 'http://127.0.0.1:8080/api/codex/v1'],
    [{ apiPort: '81' }, { CODEX_API_PORT: '82', CODEX_API: 'http://h' }, 'http://127.0.0.1:81/api/codex/v1'],
    [{}, { CODEX_API_PORT: '82' }, 'http://127.0.0.1:82/api/codex/v1'],
    [{}, { CODEX_API_PORT: '82', CODEX_API_BINDADDR: '0.0.0.0' }, 'http://127.0.0.1:82/api/codex/v1'],
    [{}, { CODEX_API_BINDADDR: '::1' }, 'http://[::1]:8080/api/codex/v1'],
    [{ api: 'https://n.example' }, { CODEX_API_PORT: '82' }, 'https://n.example/api/codex/v1'],
    [{ api: 'http://h:1/proxy/codex/' }, {}, 'http://h:1/proxy/codex'],
  ])('%j and %j give %s', (selection, env, url) => {
    expect(apiUrl(selection, env).href).toBe(url);
  });

  it.each([{ api: 'localhost:8080' }, { api: 'ftp://x' }, { apiPort: 'x' }, { apiPort: '0' }, { apiPort: '70000' }])(
    '%j is refused',
    (selection) => {
      expect(() => apiUrl(selection, {})).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});

describe('stored names', () => {
  it.each([
    'plain.txt',
    'with space.bin',
    "it's.txt",
    'a"b.txt',
    'back\\slash',
    'grüße.pdf',
    '日本.png',
    '100%.txt',
    'a;b=c',
  ])('%s survives the header', (name) => {
    expect(storedName({ 'content-disposition': contentDisposition(name) })).toBe(name);
    expect(contentDisposition(name)).toMatch(/^[ -~]+$/);
    // What a reference node takes for the name: all between `filename="` and the last character (06 §2).
    expect(contentDisposition(name)).toMatch(/filename="[^"]*"$/);
  });

  it.each([
    ['attachment; filename="a b.txt"', 'a b.txt'],
    ['attachment; filename=bare.txt', 'bare.txt'],
    ['attachment', undefined],
    ['attachment; filename*=UTF-8\'\'%E0%A4%A; filename="x"', 'x'],
  ])('%s', (header, name) => {
    expect(storedName({ 'content-disposition': header })).toBe(name);
  });
});

describe('output paths', () => {
  it.each([
    [undefined, 'a.txt', 'a.txt'],
    [undefined, undefined, 'zCID'],
    [undefined, '../../etc/passwd', 'passwd'],
    [undefined, 'C:\\x\\y.txt', 'y.txt'],
    [undefined, '.bashrc', 'zCID'],
    [undefined, '..', 'zCID'],
    [undefined, 'a\u001b[2J', 'zCID'],
    [undefined, '', 'zCID'],
    ['/tmp', 'a.txt', '/tmp/a.txt'],
    ['/tmp/given', 'a.txt', '/tmp/given'],
  ])('-o %s with the stored name %j is %s', (wanted, stored, path) => {
    expect(outputPath(wanted, stored, 'zCID')).toBe(path);
  });
});

it('reads where a body belongs', () => {
  expect(bodyPlace(200, { 'content-length': '10' })).toEqual({ start: 0, total: 10 });
  expect(bodyPlace(200, {})).toEqual({ start: 0, total: undefined });
  expect(bodyPlace(206, { 'content-range': 'bytes 5-9/10', 'content-length': '5' })).toEqual({ start: 5, total: 10 });
  expect(bodyPlace(206, {})).toBeUndefined();
  expect(unsatisfiedTotal({ 'content-range': 'bytes */10' })).toBe(10);
  expect(unsatisfiedTotal({})).toBeUndefined();
});

it('reads peers', () => {
  expect(peerTarget('16Uiu2X', ['/ip4/1.2.3.4/tcp/5'])).toEqual({ peer: '16Uiu2X', addresses: ['/ip4/1.2.3.4/tcp/5'] });
  expect(peerTarget('/ip4/1.2.3.4/tcp/5/p2p/16Uiu2X', [])).toEqual({
    peer: '16Uiu2X',
    addresses: ['/ip4/1.2.3.4/tcp/5'],
  });
  expect(() => peerTarget('/ip4/1.2.3.4/tcp/5', [])).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

it('formats', () => {
  expect([0, 1023, 1024, 1536, 300_000_000, 5 * 1024 ** 4].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '286 MiB',
    '5.0 TiB',
  ]);
  expect([0.2, 59, 187, 7500].map(formatSeconds)).toEqual(['0s', '59s', '3m07s', '2h05m']);
  expect(printable('a\u001b[2Jb\u202ec')).toBe('a\ufffd[2Jb\ufffdc');
  expect(
    table([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
  ).toEqual(['a    bb', 'ccc  d']);
});
