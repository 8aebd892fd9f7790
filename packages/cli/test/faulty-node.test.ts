import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freshDir, run } from './command.ts';

/** Servers that behave as a node may at its worst: what a real node does only by accident. */
let server: Server | undefined;
const CID = 'zDvZRwzmCL6A7C5VsYpvLXq8D99LMfkPEh4EwAujGx4QNftB1ADM';
const DATA = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * 31) & 0xff));

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Answers with DATA, honouring ranges, and breaks the connection after `limit` bytes of each answer. */
function breaking(limit: number, ranges = true) {
  const asked: (string | undefined)[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.headers.range);
    const start = ranges ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    if (start >= DATA.length) {
      response.writeHead(416, { 'content-range': `bytes */${DATA.length}` }).end();
      return;
    }
    const headers = { 'content-length': DATA.length - start, 'content-disposition': 'attachment; filename="data.bin"' };
    const range = { ...headers, 'content-range': `bytes ${start}-${DATA.length - 1}/${DATA.length}` };
    response.writeHead(start > 0 ? 206 : 200, start > 0 ? range : headers);
    const part = DATA.subarray(start, start + limit);
    if (start + limit >= DATA.length) response.end(part);
    else response.write(part, () => setImmediate(() => response.destroy()));
  };
  return { answer, asked };
}

describe('repair', () => {
  const PROGRESS = '{"phase":"restore","doneBytes":1,"totalBytes":2}\n';

  it.each([
    [`${PROGRESS}{"cid":"${CID}","manifest":{}}\n`, 0, ''],
    [`${PROGRESS}{"error":{"status":404,"message":"Column 3 is lost"}}\n`, 3, 'Column 3 is lost [NOT_FOUND]'],
    [`${PROGRESS}{"error":{"status":507,"message":"full"}}\n`, 1, 'full [REQUEST_REFUSED]'],
    [PROGRESS, 5, '[TRANSFER_INCOMPLETE]'],
    ['gibberish', 1, '[ANSWER_INVALID]'],
    ['x'.repeat(100_000), 1, '[ANSWER_INVALID]'],
  ])('of an answer %# ends with the right code', async (body, code, text) => {
    const api = await serve((_, response) => void response.writeHead(200).end(body));
    const ran = await run(['repair', CID, '--api', api]);
    expect(ran).toMatchObject({ code, stdout: code === 0 ? `${CID}\n` : '', stderr: expect.stringContaining(text) });
  });

  it('of an answer that breaks off says that the same command goes on', async () => {
    const api = await serve((_, response) => {
      response.writeHead(200);
      response.write(PROGRESS, () => response.destroy());
    });
    const ran = await run(['repair', CID, '--api', api]);
    expect(ran).toMatchObject({ code: 5, stderr: expect.stringContaining('goes on from there [TRANSFER_INCOMPLETE]') });
  });
});

describe('download', () => {
  it('goes on where the connection broke, until all is there', async () => {
    const { answer, asked } = breaking(150_000);
    const api = await serve(answer);
    const cwd = await freshDir();
    const { code, stdout } = await run(['download', CID, '--api', api, '--json'], { cwd });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ cid: CID, file: 'data.bin', bytes: DATA.length, resumed: 0 });
    expect(await readFile(join(cwd, 'data.bin'))).toEqual(DATA);
    expect(await readdir(cwd)).toEqual(['data.bin']);
    expect(asked.length).toBeGreaterThan(2);
  });

  it('to standard output is whole as well', async () => {
    const { answer } = breaking(150_000);
    const { code, stdout } = await run(['download', CID, '--api', await serve(answer), '-o', '-']);
    expect(code).toBe(0);
    expect(Buffer.from(stdout, 'latin1')).toEqual(DATA);
  });

  it('begins again, in vain, with a node that knows no ranges; keeps the part, and never shows half a file', async () => {
    const { answer } = breaking(150_000, false);
    const cwd = await freshDir();
    const { code, stdout, stderr } = await run(['download', CID, '--api', await serve(answer)], { cwd });
    expect(code).toBe(5);
    expect(stdout).toBe('');
    expect(stderr).toContain('[TRANSFER_INCOMPLETE]');
    const files = await readdir(cwd);
    expect(files).toEqual([`data.bin.${CID.slice(-12)}.part`]);
    const part = await readFile(join(cwd, files[0] ?? ''));
    expect(part).toEqual(DATA.subarray(0, part.length));
  });

  it('continues the part of an earlier run, and accepts one that is whole', async () => {
    const { answer, asked } = breaking(Number.POSITIVE_INFINITY);
    const api = await serve(answer);
    const cwd = await freshDir();
    const part = join(cwd, `out.${CID.slice(-12)}.part`);
    await writeFile(part, DATA.subarray(0, 123_456));
    expect((await run(['download', CID, '--api', api, '-o', 'out'], { cwd })).code).toBe(0);
    expect(asked).toEqual(['bytes=123456-']);
    expect(await readFile(join(cwd, 'out'))).toEqual(DATA);
    await writeFile(part, DATA);
    expect((await run(['download', CID, '--api', api, '-o', 'out', '--force'], { cwd })).code).toBe(0);
    expect(await readdir(cwd)).toEqual(['out']);
    await writeFile(part, Buffer.concat([DATA, DATA]));
    const tooLong = await run(['download', CID, '--api', api, '-o', 'out', '--force'], { cwd });
    expect(tooLong.stderr).toContain('[ANSWER_INVALID]');
    expect(await readFile(join(cwd, 'out'))).toEqual(DATA);
  });

  it('does not replace a file unless told to, and says where it cannot write', async () => {
    const { answer, asked } = breaking(Number.POSITIVE_INFINITY);
    const api = await serve(answer);
    const cwd = await freshDir();
    await writeFile(join(cwd, 'data.bin'), 'mine');
    const refused = await run(['download', CID, '--api', api], { cwd });
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('[FILE_EXISTS]') });
    expect(await readFile(join(cwd, 'data.bin'), 'utf8')).toBe('mine');
    const missing = await run(['download', CID, '--api', api, '-o', 'no/such/file'], { cwd });
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('[FILE_UNWRITABLE]') });
    await mkdir(join(cwd, 'dir'));
    expect(await run(['download', CID, '--api', api, '-o', 'dir'], { cwd })).toMatchObject({
      code: 0,
      stdout: 'dir/data.bin\n',
    });
    expect(asked.every((range) => range === undefined)).toBe(true);
  });

  it('writes into a named pipe, and leaves it what it is', async () => {
    const { answer } = breaking(Number.POSITIVE_INFINITY);
    const api = await serve(answer);
    const pipe = join(await freshDir(), 'pipe');
    spawnSync('sh', ['-c', 'mkfifo "$0"', pipe]);
    const [ran, bytes] = await Promise.all([
      run(['download', CID, '--api', api, '-o', pipe, '--force']),
      readFile(pipe),
    ]);
    expect(ran.code).toBe(0);
    expect(bytes).toEqual(DATA);
    expect((await stat(pipe)).isFIFO()).toBe(true);
  });

  it('ends quietly when the reader goes away', async () => {
    const api = await serve((_, response) => {
      const pump = () => {
        while (response.write(DATA)) {}
      };
      response.on('drain', pump).writeHead(200);
      pump();
    });
    const { code, stderr } = await run(['download', CID, '--api', api, '-o', '-'], {
      meanwhile: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
    });
    expect({ code, stderr }).toEqual({ code: 141, stderr: '' });
  });

  it('stops on ^C and keeps the part', async () => {
    const cwd = await freshDir();
    let interrupt = () => {};
    const api = await serve((_, response) => {
      response.writeHead(200, { 'content-length': DATA.length });
      response.write(DATA.subarray(0, 200_000), () => interrupt());
    });
    const { code, stderr } = await run(['download', CID, '--api', api, '-o', 'x'], {
      cwd,
      meanwhile: (child) => {
        interrupt = () => setTimeout(() => child.kill('SIGINT'), 200);
      },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('[INTERRUPTED]');
    const [part] = await readdir(cwd);
    expect(part).toMatch(/\.part$/);
    const bytes = await readFile(join(cwd, part ?? ''));
    expect(bytes).toEqual(DATA.subarray(0, bytes.length));
  });
});

describe('errors', () => {
  it.each([
    [404, 'The requested CID could not be retrieved (x).', 3, 'NOT_FOUND'],
    [400, 'Incorrect Cid', 1, 'REQUEST_REFUSED'],
    [507, 'no room', 1, 'REQUEST_REFUSED'],
  ])('status %d is told in the words of the node', async (status, text, exit, name) => {
    const api = await serve((_, response) => response.writeHead(status).end(text));
    const cwd = await freshDir();
    const { code, stdout, stderr } = await run(['download', CID, '--api', api, '--json'], { cwd });
    expect({ code, stdout, stderr }).toEqual({ code: exit, stdout: '', stderr: `codex: ${text} [${name}]\n` });
    expect(await readdir(cwd)).toEqual([]);
  });

  it('something else than a node is recognised', async () => {
    const api = await serve((request, response) =>
      request.resume().on('end', () => response.end('<html>hello</html>')),
    );
    expect(await run(['ls', '--api', api])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('[ANSWER_INVALID]'),
    });
    const cwd = await freshDir();
    await writeFile(join(cwd, 'f'), 'x');
    expect(await run(['upload', 'f', '--api', api], { cwd })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('[ANSWER_INVALID]'),
    });
  });

  it('a refusal in the middle of an upload is told', async () => {
    const api = await serve((request, response) => {
      request.once('data', () => {
        // As a node does, it goes on reading: closing at once could reset the connection before the answer is read.
        response.writeHead(507).write('The quota is used up');
        request.resume();
        request.once('end', () => response.end());
      });
    });
    const cwd = await freshDir();
    await writeFile(join(cwd, 'f'), Buffer.alloc(20_000_000));
    expect(await run(['upload', 'f', '--api', api], { cwd })).toMatchObject({
      code: 1,
      stderr: 'codex: The quota is used up [REQUEST_REFUSED]\n',
    });
  });

  it('a connection that breaks in the middle of an upload is told', async () => {
    const api = await serve((request) => request.once('data', () => request.socket.destroy()));
    const cwd = await freshDir();
    await writeFile(join(cwd, 'f'), Buffer.alloc(20_000_000));
    expect(await run(['upload', 'f', '--api', api], { cwd })).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('[TRANSFER_INCOMPLETE]'),
    });
  });

  it('a node that is not there is told apart', async () => {
    const api = await serve(() => {});
    server?.close();
    expect(await run(['space', '--api', api])).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringContaining('is it running? [NODE_UNREACHABLE]'),
    });
  });

  it.each([
    [['download']],
    [['ls', '--nonsense']],
    [['upload', 'x', '--api', 'nonsense']],
    [['completion', 'tcsh']],
    [['rm']],
  ])('usage: %j', async (args) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  it.each(['missing', '.', 'empty'])('a file that cannot be uploaded: %s', async (file) => {
    const cwd = await freshDir();
    await writeFile(join(cwd, 'empty'), '');
    expect(await run(['upload', file, '--api-port', '1'], { cwd })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('[FILE_UNREADABLE]'),
    });
  });
});
