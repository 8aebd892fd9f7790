import { once } from 'node:events';
import { connect } from 'node:net';
import { InlineCompute } from '@codex/compute';
import { formatCid } from '@codex/content';
import { MemoryRepository } from '@codex/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BASE_PATH } from '../../src/api/index.ts';
import { eventually, recordingLogger, startApi, store, stream } from './harness.ts';

/** Sends bytes and resolves with everything that comes back until the connection ends. */
function talk(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (piece) => {
      received += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    socket.end(bytes);
  });
}

const statusOf = (answer: string) => answer.slice(0, 'HTTP/1.1 400'.length);

describe('requests that make no sense', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n', 'HTTP/1.1 400'],
    ['a bad version', 'GET / HTTP/9.9\r\n\r\n', 'HTTP/1.1 400'],
    ['a bad method', 'FROB / HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 400'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 'HTTP/1.1 400'],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 400',
    ],
    [
      'an undecodable path',
      `GET ${BASE_PATH}/data/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      'HTTP/1.1 400',
    ],
    ['too long headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, 'HTTP/1.1 431'],
    ['many headers', `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(3000)}\r\n`, 'HTTP/1.1 431'],
    ['another method', `PROPFIND ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'HTTP/1.1 404'],
    ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n', ''],
    [
      'an upgrade',
      `GET ${BASE_PATH}/space HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
      'HTTP/1.1 200',
    ],
    [
      'two origins',
      `GET ${BASE_PATH}/space HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nOrigin: http://b\r\nConnection: close\r\n\r\n`,
      'HTTP/1.1 400',
    ],
  ])('%s', async (_, request, status) => {
    const { server } = await startApi();
    expect(statusOf(await talk(server.port, request))).toBe(status);
  });

  it('closes a connection whose headers do not come to an end', { timeout: 10_000 }, async () => {
    const { server } = await startApi({}, { limits: { headerTimeoutMs: 200 } });
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('HTTP/1.1 408');
    await new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
  });

  it('goes on serving whatever was sent', { timeout: 30_000 }, async () => {
    const logger = recordingLogger();
    const { server, ask, repository } = await startApi({ logger });
    const cid = formatCid(await store(repository, stream('fuzz', 100_000)));
    const paths = [
      '/data',
      `/data/${cid}`,
      `/data/${cid}/network/stream`,
      '/spr',
      '/connect/x',
      '/sales/slots',
      '/%00',
    ];
    const junk = fc.string({ unit: 'binary', maxLength: 60 });
    const line = fc.record({
      method: fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'PATCH', 'QUERY', 'TRACE', ''),
      path: fc.oneof(fc.constantFrom(...paths), junk, fc.webPath()),
      query: fc.oneof(fc.constant(''), junk, fc.webQueryParameters()),
      headers: fc.array(
        fc.tuple(
          fc.constantFrom(
            'Range',
            'Content-Type',
            'Content-Disposition',
            'Accept',
            'If-Range',
            'Expect',
            'Content-Length',
            'Transfer-Encoding',
            'X',
          ),
          fc.oneof(
            junk,
            fc.constantFrom('bytes=0-', '5', 'chunked', '100-continue', 'text/plain', 'attachment; filename*=x'),
          ),
        ),
        { maxLength: 5 },
      ),
      body: junk,
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(line, fc.uint8Array({ maxLength: 200 })), async (request) => {
        const bytes =
          request instanceof Uint8Array
            ? Buffer.from(request)
            : Buffer.from(
                `${request.method} ${BASE_PATH}${request.path}?${request.query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
                  `${request.headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${request.body}`,
                'latin1',
              );
        await talk(server.port, bytes);
      }),
      { numRuns: 300, endOnFailure: true },
    );
    // The one file may have been deleted by a lucky request.
    expect((await ask('GET', '/space')).status).toBe(200);
    expect(logger.lines.filter((text) => text === 'Request failed')).toEqual([]);
  });

  it('refuses connections over the limit and serves those that it has', async () => {
    const { server } = await startApi({}, { limits: { connections: 2 } });
    const open = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')];
    await Promise.all(open.map((socket) => once(socket, 'connect')));
    const refused = connect(server.port, '127.0.0.1');
    await new Promise((resolve) => refused.on('close', resolve).on('error', () => {}));
    open[0]!.write(`GET ${BASE_PATH}/space HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [answer] = await once(open[0]!, 'data');
    expect(String(answer)).toContain('HTTP/1.1 200');
    for (const socket of open) socket.destroy();
  });
});

describe('errors of the parts below', () => {
  it('become 500 without their details, and are logged', async () => {
    const repository = new MemoryRepository();
    repository.hasBlock = async () => {
      throw new TypeError('secret detail');
    };
    const logger = recordingLogger();
    const { ask } = await startApi({ repository, logger });
    const answer = await ask('GET', '/data/zDvZRwzm1ePSzKSXt57D5YxHwcSDmsCyYN65wW4HT7fuX9HrzFXy/exists');
    expect([answer.status, answer.text]).toEqual([500, 'Internal error']);
    expect(logger.lines).toContain('Request failed');
  });
});

describe('stop', () => {
  it('lets requests end, cuts those that do not, and refuses new ones', async () => {
    const repository = new MemoryRepository();
    const { server, ask } = await startApi({ repository }, { limits: { stopGraceMs: 100 } });
    const upload = connect(server.port, '127.0.0.1');
    upload.on('error', () => {});
    upload.write(`POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello`);
    const idle = connect(server.port, '127.0.0.1');
    idle.on('error', () => {});
    await eventually(async () => (await ask('GET', '/space')).status).toBe(200);
    const { port } = server;
    await server.stop();
    await expect(ask('GET', '/space')).rejects.toThrow();
    await expect(talk(port, 'GET / HTTP/1.1\r\n\r\n')).resolves.toBe('');
    expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
  });

  it('waits until cut requests have cleaned up', async () => {
    const repository = new MemoryRepository();
    let cleaned = false;
    let begun = () => {};
    const uploading = new Promise<void>((resolve) => {
      begun = resolve;
    });
    repository.createDataset = () => ({
      blockSize: 65536,
      bytesWritten: 0,
      append: async () => begun(),
      finish: () => Promise.reject(new Error('unexpected')),
      abort: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        cleaned = true;
      },
    });
    const { server } = await startApi({ repository }, { limits: { stopGraceMs: 20 } });
    const upload = connect(server.port, '127.0.0.1');
    upload.on('error', () => {});
    upload.write(`POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello`);
    await uploading;
    await server.stop();
    expect(cleaned).toBe(true);
  });

  it('may come before start, and a taken port fails the start', async () => {
    const { server } = await startApi();
    const { ApiServer } = await import('../../src/api/index.ts');
    const second = await ApiServer.create(
      {
        repository: new MemoryRepository(),
        fetcher: { fetchBlock: () => Promise.reject(new Error()), fetchDataset: () => Promise.reject(new Error()) },
        network: { listenAddrs: () => [], connect: async () => {} },
        node: (await import('./harness.ts')).EMPTY_NODE,
        compute: new InlineCompute(),
        logLevels: { set: () => {} },
      },
      { bindAddress: '127.0.0.1', port: server.port, fetchTimeoutMs: 1000 },
    );
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await second.stop();
  });
});
