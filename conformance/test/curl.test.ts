/** What scripts do with curl (06 §8). */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNodes, vectorContent } from './node.ts';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const BYTES = 300_001;

// Reason for skipping: these tests are about curl itself, and this machine has none.
describe.skipIf(!hasCurl)('curl', () => {
  const nodes = useNodes(2);
  const content = vectorContent('curl', BYTES);
  let source = '';
  let cid = '';
  const curl = async (...args: string[]) => (await run('curl', ['-sS', '--max-time', '20', ...args])).stdout;
  /** The status and the headers of an answer. */
  const head = async (...args: string[]) => {
    const text = await curl('-D', '-', '-o', nodes.file('body'), ...args);
    const last =
      text
        .trim()
        .split(/\r?\n\r?\n/)
        .at(-1) ?? '';
    const [first = '', ...lines] = last.split(/\r?\n/);
    const headers = new Map(
      lines.map((line) => [line.split(':')[0]!.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    return { status: Number(first.split(' ')[1]), headers, all: text, body: readFileSync(nodes.file('body')) };
  };

  beforeAll(async () => {
    source = nodes.file('source');
    writeFileSync(source, content);
    cid = await curl(
      ...['-H', 'Content-Disposition: attachment; filename="curl.bin"', '-H', 'Content-Type: application/octet-stream'],
      ...['--data-binary', `@${source}`, `${nodes.api()}/data`],
    );
  });

  it('uploads with a name, and downloads with it', async () => {
    expect(cid).toMatch(/^zDv/);
    const { status, headers, body } = await head(`${nodes.api()}/data/${cid}`);
    expect(status).toBe(200);
    expect(headers.get('content-disposition')).toBe('attachment; filename="curl.bin"');
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-length')).toBe(String(BYTES));
    expect(body.equals(content)).toBe(true);
  });

  it('saves under the name that the node gives (-OJ)', async () => {
    await run('curl', ['-sS', '-OJ', `${nodes.api()}/data/${cid}`], { cwd: nodes.file('.') });
    expect(readFileSync(nodes.file('curl.bin')).equals(content)).toBe(true);
  });

  it('downloads from another node', async () => {
    const { status, body } = await head(`${nodes.api(1)}/data/${cid}/network/stream`);
    expect([status, body.equals(content)]).toEqual([200, true]);
  });

  it('uploads in chunks, of a length that nobody knows before', async () => {
    const again = await curl(
      ...['-H', 'Content-Disposition: attachment; filename="curl.bin"', '-H', 'Content-Type: application/octet-stream'],
      ...['-H', 'Transfer-Encoding: chunked', '-T', source, '-X', 'POST', `${nodes.api()}/data`],
    );
    expect(again).toBe(cid);
  });

  it('is told to continue when it asks first', async () => {
    const { status, all } = await head(
      ...['-H', 'Expect: 100-continue', '-H', 'Content-Type: application/octet-stream'],
      ...['--expect100-timeout', '15', '--data-binary', `@${source}`, `${nodes.api()}/data`],
    );
    expect(status).toBe(200);
    expect(all).toMatch(/^HTTP\/1\.1 100 Continue/);
  });

  it('reads ranges and resumes', async () => {
    const middle = await head('-r', '65530-65545', `${nodes.api()}/data/${cid}`);
    expect(middle.status).toBe(206);
    expect(middle.headers.get('content-range')).toBe(`bytes 65530-65545/${BYTES}`);
    expect(middle.body.equals(content.subarray(65_530, 65_546))).toBe(true);
    const tail = await head('-r', '-5', `${nodes.api()}/data/${cid}`);
    expect(tail.body.equals(content.subarray(BYTES - 5))).toBe(true);
    expect((await head('-r', `${BYTES}-`, `${nodes.api()}/data/${cid}`)).status).toBe(416);
    writeFileSync(nodes.file('part'), content.subarray(0, 100_000));
    await curl('-C', '-', '-o', nodes.file('part'), `${nodes.api(1)}/data/${cid}/network/stream`);
    expect(readFileSync(nodes.file('part')).equals(content)).toBe(true);
  });

  it('asks for the head alone, and not again for what it has', async () => {
    const text = await curl('-I', `${nodes.api()}/data/${cid}`);
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    expect(text).toMatch(new RegExp(`content-length: ${BYTES}`, 'i'));
    const etag = /etag: (\S+)/i.exec(text)?.[1] ?? '';
    expect(etag).toContain(cid);
    const again = await head('-H', `If-None-Match: ${etag}`, `${nodes.api()}/data/${cid}`);
    expect(again.status).toBe(304);
  });

  it('gets the record as bare text when it prefers that', async () => {
    expect(await curl('-H', 'Accept: text/plain', `${nodes.api()}/spr`)).toMatch(/^spr:[\w-]+$/);
    expect(JSON.parse(await curl(`${nodes.api()}/spr`))).toEqual({ spr: expect.stringMatching(/^spr:/) });
    expect(await curl('-H', 'Accept: text/plain', `${nodes.api()}/peerid`)).toBe(nodes.node(0).peerId);
  });

  it('sends JSON without saying so', async () => {
    const offer = ['-X', 'POST', '-d', '{"totalSize":1}', `${nodes.api()}/sales/availability`];
    for (const header of ['Content-Type:', 'Content-Type: text/plain', 'Content-Type: application/json']) {
      const { status, body } = await head('-H', header, ...offer);
      expect([header, status, body.toString()]).toEqual([header, 503, 'Persistence is not enabled']);
    }
  });

  it('gets 404 for what is nowhere', async () => {
    expect((await head(`${nodes.api()}/nothing`)).status).toBe(404);
    expect((await head(`${nodes.api()}/data/nonsense`)).status).toBe(400);
  });
});
