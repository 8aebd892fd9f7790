import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCompute, SharedSlabPool } from '@codex/compute';
import { DiskRepository } from '@codex/store';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BASE_PATH } from '../../src/api/index.ts';
import { eventually, startApiOn } from './harness.ts';

const MIB = 1024 * 1024;

/** Bytes of which no two blocks are equal. */
function distinct(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length, seed);
  for (let at = 0; at + 8 <= length; at += 4096) bytes.writeDoubleLE(seed + at / 4096 / 1e6, at);
  return bytes;
}

/** An API over a repository on disk; `restart` opens the same directory again. */
async function startOnDisk(quotaBytes = 1024 * MIB) {
  const path = mkdtempSync(join(tmpdir(), 'codex-api-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const open = async () => {
    const compute = createCompute({ threads: 0 });
    const slabs = new SharedSlabPool();
    const repository = await DiskRepository.open(
      { compute, slabs },
      { path, quotaBytes, blockTtlMs: 0, maintenanceIntervalMs: 600_000, maintenanceBatch: 1000 },
    );
    await repository.start();
    const api = await startApiOn({ repository });
    let stopped = false;
    const stop = async () => {
      if (stopped) return;
      stopped = true;
      await repository.stop();
      await compute.stop();
    };
    onTestFinished(stop);
    return { ...api, slabs, stop };
  };
  return open;
}

describe('over a repository on disk', () => {
  it('gives back what was stored, also after a restart', async () => {
    const open = await startOnDisk();
    const first = await open();
    const bytes = distinct(3, 10 * MIB + 17);
    const { text: cid, status } = await first.ask('POST', '/data', { body: bytes });
    expect(status).toBe(200);
    expect((await first.ask('GET', `/data/${cid}`)).body.equals(bytes)).toBe(true);
    await eventually(() => first.slabs.inUse).toBe(0);
    const usage = (await first.ask('GET', '/space')).text;
    await first.server.stop();
    await first.stop();
    const second = await open();
    expect((await second.ask('GET', '/space')).text).toBe(usage);
    const position = fc.integer({ min: 0, max: bytes.length - 1 });
    await fc.assert(
      fc.asyncProperty(position, position, async (a, b) => {
        const [start, last] = [Math.min(a, b), Math.max(a, b)];
        const { body } = await second.ask('GET', `/data/${cid}`, { headers: { range: `bytes=${start}-${last}` } });
        expect(body.equals(bytes.subarray(start, last + 1))).toBe(true);
      }),
      { numRuns: 10 },
    );
    await eventually(() => second.slabs.inUse).toBe(0);
  });

  it('gives all pooled memory back after uploads and downloads that end early', async () => {
    const { ask, server, slabs } = await (await startOnDisk())();
    const bytes = distinct(4, 24 * MIB);
    const { text: cid } = await ask('POST', '/data', { body: bytes });
    const before = (await ask('GET', '/space')).text;
    for (let i = 0; i < 10; i++) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      if (i % 2 === 0) {
        socket.write(`GET ${BASE_PATH}/data/${cid} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await once(socket, 'data');
      } else {
        socket.write(`POST ${BASE_PATH}/data HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n`);
        socket.write(distinct(i, 3 * MIB));
        await once(socket, 'drain');
      }
      socket.destroy();
    }
    await eventually(() => slabs.inUse).toBe(0);
    await eventually(async () => (await ask('GET', '/space')).text).toBe(before);
    expect((await ask('GET', `/data/${cid}`)).body.equals(bytes)).toBe(true);
  });

  it('serves others while more clients than there are slabs do not read', { timeout: 30_000 }, async () => {
    const { ask, server, slabs } = await (await startOnDisk())();
    const { text: cid } = await ask('POST', '/data', { body: distinct(5, 24 * MIB) });
    const clients = Array.from({ length: slabs.limit + 10 }, () => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.pause();
      socket.write(`GET ${BASE_PATH}/data/${cid} HTTP/1.1\r\nHost: x\r\n\r\n`);
      return socket;
    });
    await eventually(() => slabs.inUse, { timeout: 20_000, interval: 300 }).toBeLessThanOrEqual(20);
    const body = distinct(6, 5 * MIB);
    const other = await ask('POST', '/data', { body });
    expect(other.status).toBe(200);
    expect((await ask('GET', `/data/${other.text}`)).body.equals(body)).toBe(true);
    for (const socket of clients) socket.destroy();
    await eventually(() => slabs.inUse).toBe(0);
  });

  it('leaves nothing of an upload that exceeds the quota', async () => {
    const { ask } = await (await startOnDisk(4 * MIB))();
    expect((await ask('POST', '/data', { body: distinct(7, 9 * MIB) })).status).toBe(507);
    expect(JSON.parse((await ask('GET', '/space')).text)).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
    expect((await ask('POST', '/data', { body: distinct(8, 3 * MIB) })).status).toBe(200);
  });
});
