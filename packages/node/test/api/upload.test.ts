import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { type DatasetWriter, decodeManifest, parseCid } from '@codex/content';
import { CodexError, seededRandom } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { describe, expect, it } from 'vitest';
import { BASE_PATH } from '../../src/api/index.ts';
import { eventually, startApi, stream } from './harness.ts';

/** A repository whose writers are watched or changed. */
class WatchedRepository extends MemoryRepository {
  aborted = 0;
  finished = 0;
  appendedBytes = 0;
  beforeAppend: (total: number) => Promise<void> | void = () => {};
  beforeAbort: () => void = () => {};

  override createDataset(init: { blockSize: number; expiry?: number }): DatasetWriter {
    const writer = super.createDataset(init);
    return {
      blockSize: writer.blockSize,
      get bytesWritten() {
        return writer.bytesWritten;
      },
      append: async (bytes) => {
        await this.beforeAppend(this.appendedBytes);
        await writer.append(bytes);
        this.appendedBytes += bytes.length;
      },
      finish: async (describe) => {
        const cid = await writer.finish(describe);
        this.finished++;
        return cid;
      },
      abort: async () => {
        this.beforeAbort();
        this.aborted++;
        await writer.abort();
      },
    };
  }
}

const EMPTY_USAGE = { totalBlocks: 0, quotaUsedBytes: 0, quotaReservedBytes: 0 };

describe('POST /data', () => {
  it('keeps what the headers say', async () => {
    const { ask, repository } = await startApi();
    const answer = await ask('POST', '/data', {
      headers: {
        'content-type': 'Text/Markdown; charset=utf-8',
        'content-disposition': "attachment; filename*=UTF-8''na%C3%AFve.md",
      },
      body: 'hello',
    });
    expect(answer.status).toBe(200);
    const manifest = decodeManifest((await repository.getBlock(parseCid(answer.text)))!);
    expect(manifest).toMatchObject({ filename: 'naïve.md', mimetype: 'Text/Markdown', datasetSize: 5 });
  });

  it('gives the CID of the reference for a known file', async () => {
    const { ask } = await startApi();
    const { text } = await ask('POST', '/data', { body: 'some file contents' });
    expect(text).toBe('zDvZRwzm1ePSzKSXt57D5YxHwcSDmsCyYN65wW4HT7fuX9HrzFXy');
  });

  it.each([
    ['multipart/form-data; boundary=x', '', "The MIME type 'multipart/form-data; boundary=x' is not valid."],
    ['', 'attachment; filename="a:b"', 'The filename is not valid.'],
    ['', 'attachment; filename=""', 'The filename is not valid.'],
  ])('refuses %j %j before it reads the body', async (type, disposition, text) => {
    const repository = new WatchedRepository();
    const { ask } = await startApi({ repository });
    const answer = await ask('POST', '/data', {
      headers: { 'content-type': type, 'content-disposition': disposition },
      body: Buffer.alloc(3_000_000, 1),
    });
    expect([answer.status, answer.text]).toEqual([422, text]);
    expect(repository.usage()).toMatchObject(EMPTY_USAGE);
    expect(repository.appendedBytes).toBe(0);
  });

  it('takes chunked bodies of any cut', async () => {
    const { server, ask } = await startApi();
    const bytes = stream('chunked', 300_001);
    const req = request({ port: server.port, method: 'POST', path: `${BASE_PATH}/data`, agent: false });
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 3) % 70_001) {
      req.write(bytes.subarray(at, at + size));
    }
    req.end();
    const [res] = await once(req, 'response');
    const cid = Buffer.concat(await res.toArray()).toString();
    expect((await ask('GET', `/data/${cid}`)).body.equals(bytes)).toBe(true);
  });

  it('lets a client that expects 100-continue send only what is wanted', async () => {
    const { server } = await startApi();
    const send = async (type: string) => {
      const headers = { expect: '100-continue', 'content-type': type, 'content-length': 5 };
      const req = request({ port: server.port, method: 'POST', path: `${BASE_PATH}/data`, headers, agent: false });
      let continued = false;
      req.on('continue', () => {
        continued = true;
        req.end('hello');
      });
      req.on('error', () => {});
      req.flushHeaders();
      const [res] = await once(req, 'response');
      req.destroy();
      return [res.statusCode, continued];
    };
    expect(await send('text/plain')).toEqual([200, true]);
    expect(await send('not/amime')).toEqual([422, false]);
  });

  it('leaves nothing when the quota is exceeded, and the client sees why', async () => {
    const repository = new MemoryRepository({}, { quotaBytes: 1_000_000 });
    const { ask } = await startApi({ repository });
    const answer = await ask('POST', '/data', { body: seededRandom(2).bytes(8_000_000) });
    expect(answer.status).toBe(507);
    expect(answer.text).toContain('quota');
    expect(repository.usage()).toMatchObject(EMPTY_USAGE);
    expect((await ask('POST', '/data', { body: stream('small', 900_000) })).status).toBe(200);
  });

  it('says 507 when the disk is full', async () => {
    const repository = new WatchedRepository();
    repository.beforeAppend = (total) => {
      if (total > 100_000) throw new CodexError('DISK_FULL', 'No space left on the device');
    };
    const { ask } = await startApi({ repository });
    const answer = await ask('POST', '/data', { body: Buffer.alloc(1_000_000, 1) });
    expect([answer.status, repository.aborted]).toEqual([507, 1]);
    expect(answer.text).toContain('disk is full');
  });

  it('forgets an upload whose client goes away', async () => {
    const repository = new WatchedRepository();
    const { server } = await startApi({ repository });
    const socket = connect(server.port, '127.0.0.1');
    const head = `POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n`;
    socket.write(head);
    socket.write(stream('aborted', 500_000));
    await eventually(() => repository.appendedBytes).toBe(500_000);
    socket.destroy();
    await eventually(() => repository.aborted).toBe(1);
    expect(repository.finished).toBe(0);
    expect(repository.usage()).toMatchObject(EMPTY_USAGE);
  });

  it('does not abort a writer while it takes a piece', async () => {
    const repository = new WatchedRepository();
    let taking = false;
    let takenWhenAborted: boolean | undefined;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    repository.beforeAppend = async () => {
      taking = true;
      await held;
      taking = false;
    };
    repository.beforeAbort = () => {
      takenWhenAborted = !taking;
    };
    const { server, ask } = await startApi({ repository });
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello`);
    await eventually(() => taking).toBe(true);
    socket.destroy();
    // The server has seen the end of the first connection when it answers on the second.
    await ask('GET', '/space');
    await ask('GET', '/space');
    expect(repository.aborted).toBe(0);
    release();
    await eventually(() => repository.aborted).toBe(1);
    expect(takenWhenAborted).toBe(true);
  });

  it('forgets an upload whose chunks are malformed', async () => {
    const repository = new WatchedRepository();
    const { server } = await startApi({ repository });
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      `POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`,
    );
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('HTTP/1.1 400');
    await eventually(() => repository.aborted).toBe(1);
    expect(repository.usage()).toMatchObject(EMPTY_USAGE);
  });

  it('gives up on a body that stalls', async () => {
    const repository = new WatchedRepository();
    const { server } = await startApi({ repository }, { limits: { uploadIdleMs: 50 } });
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('HTTP/1.1 408');
    expect(repository.aborted).toBe(1);
    socket.destroy();
  });

  it('does not blame the client for a slow repository', async () => {
    const repository = new WatchedRepository();
    repository.beforeAppend = () => new Promise((resolve) => setTimeout(resolve, 100));
    const { ask } = await startApi({ repository }, { limits: { uploadIdleMs: 20 } });
    expect((await ask('POST', '/data', { body: 'hello' })).status).toBe(200);
  });

  it('slows the client down to the speed of the repository', async () => {
    const repository = new WatchedRepository();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    repository.beforeAppend = () => held;
    const { server } = await startApi({ repository });
    const size = 64 * 1024 * 1024;
    const headers = { 'content-length': size };
    const req = request({ port: server.port, method: 'POST', path: `${BASE_PATH}/data`, headers, agent: false });
    const piece = Buffer.alloc(1024 * 1024, 1);
    const before = process.memoryUsage().arrayBuffers;
    for (let sent = 0; sent < size; sent += piece.length) req.write(piece);
    req.end();
    // When nothing moves any more, everything is taken that both kernels and the read-ahead hold.
    let last = -1;
    const isStill = () => {
      const before = last;
      last = req.socket?.bytesWritten ?? 0;
      return before === last;
    };
    await eventually(isStill, { interval: 200, timeout: 10_000 }).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
    release();
    const [res] = await once(req, 'response');
    expect(res.statusCode).toBe(200);
    expect(repository.appendedBytes).toBe(size);
    res.resume();
  });

  it('lets uploads over its limit wait with their bodies unread', async () => {
    const repository = new WatchedRepository();
    const { server, ask } = await startApi({ repository }, { limits: { uploads: 1 } });
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello`);
    await eventually(() => repository.appendedBytes).toBe(5);
    const second = ask('POST', '/data', { body: Buffer.alloc(2_000_000, 1) });
    // Another that gives up while it waits.
    const third = connect(server.port, '127.0.0.1');
    third.write(`POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello`);
    expect((await ask('GET', '/space')).status).toBe(200);
    third.destroy();
    expect(repository.appendedBytes).toBe(5);
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toContain('HTTP/1.1 200');
    expect((await second).status).toBe(200);
    expect(repository.finished).toBe(2);
    socket.destroy();
  });

  it('keeps the connection for the next request', async () => {
    const { server } = await startApi();
    const socket = connect(server.port, '127.0.0.1');
    const send = async (head: string, body: string) => {
      socket.write(`${head}\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      const [answer] = await once(socket, 'data');
      return String(answer);
    };
    expect(await send(`POST ${BASE_PATH}/data HTTP/1.1\r\nContent-Type: bad`, 'hello')).toContain('HTTP/1.1 422');
    expect(await send(`POST ${BASE_PATH}/data HTTP/1.1`, '')).toContain('HTTP/1.1 422');
    expect(await send(`POST ${BASE_PATH}/data HTTP/1.1`, 'hello')).toContain('HTTP/1.1 200');
    expect(await send(`GET ${BASE_PATH}/space HTTP/1.1`, '{"an":"unexpected body"}')).toContain('"totalBlocks":2');
    expect(await send(`GET ${BASE_PATH}/space HTTP/1.1`, '')).toContain('"totalBlocks":2');
    socket.destroy();
  });

  it('cuts off the rest of a refused upload that does not end', async () => {
    const { server } = await startApi({}, { limits: { lingerBytes: 1_000_000, lingerMs: 60_000 } });
    const socket = connect(server.port, '127.0.0.1');
    let received = '';
    socket.on('data', (piece) => {
      received += piece;
    });
    socket.on('error', () => {});
    socket.write(
      `POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Type: bad\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const writing = setInterval(() => socket.write(chunk), 1);
    await new Promise((resolve) => socket.on('close', resolve));
    clearInterval(writing);
    expect(received).toContain('HTTP/1.1 422');
  });
});
