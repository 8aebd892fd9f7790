import { chmod, readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignedRecord } from '@codex/discovery';
import { type Clock, systemClock } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { afterEach, describe, expect, it } from 'vitest';
import { CodexNode, type NodeConfig } from '../../src/index.ts';
import { pattern, testConfig } from './fixture.ts';

const running: CodexNode[] = [];

async function startNode(config: NodeConfig): Promise<CodexNode> {
  const node = await CodexNode.create(config);
  running.push(node);
  await node.start();
  return node;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

const api = (node: CodexNode) => `${node.apiUrl}/api/codex/v1`;

const upload = async (node: CodexNode, bytes: Uint8Array) => {
  const response = await fetch(`${api(node)}/data`, { method: 'POST', body: Buffer.from(bytes) });
  expect(response.status).toBe(200);
  return response.text();
};

describe('a node', () => {
  it('serves its API and metrics, and says who and where it is', async () => {
    const config = await testConfig('--metrics');
    const node = await startNode(config);
    expect(node.ready).toBe(true);
    const info = (await (await fetch(`${api(node)}/debug/info`)).json()) as Record<string, unknown>;
    expect(info).toMatchObject({
      id: node.peerId,
      repo: config.dataDir,
      spr: node.spr,
      addrs: node.network.listenAddrs(),
    });
    expect(info.announceAddresses).toEqual(node.network.listenAddrs());
    const record = SignedRecord.parse(node.spr ?? '');
    expect(record.peerId).toBe(node.peerId);
    const { ip, port } = node.discovery!.local!;
    expect(record.addresses).toEqual([`/ip4/${ip}/udp/${port}`, ...node.network.listenAddrs()]);
    expect(record.seq).toBeGreaterThan(1_700_000_000);
    await upload(node, pattern(200_000, 1));
    const text = await (await fetch(`${node.metricsUrl}/metrics`)).text();
    expect(text).toMatch(/^codex_api_uploads_total 1$/m);
    expect(text).toMatch(/^codex_repostore_blocks 5$/m);
    expect(text).toMatch(/^libp2p_peers 0$/m);
    expect((await fetch(`${node.metricsUrl}/ready`)).status).toBe(200);
    expect((await stat(config.dataDir)).mode & 0o777).toBe(0o700);
  });

  it('keeps its key and its data over a restart', async () => {
    const config = await testConfig();
    const bytes = pattern(300_000, 2);
    const first = await startNode(config);
    const cid = await upload(first, bytes);
    await first.stop();
    running.length = 0;
    const second = await startNode(config);
    expect(second.peerId).toBe(first.peerId);
    const response = await fetch(`${api(second)}/data/${cid}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('corrects the rights of its directory and changes log levels at run time', async () => {
    const config = await testConfig();
    const node = await startNode(config);
    await node.stop();
    running.length = 0;
    await chmod(config.dataDir, 0o755);
    const again = await startNode(config);
    expect((await stat(config.dataDir)).mode & 0o777).toBe(0o700);
    const set = (level: string) => fetch(`${api(again)}/debug/chronicles/loglevel?level=${level}`, { method: 'POST' });
    expect((await set('warn;trace:codex')).status).toBe(200);
    expect(again.log.logger('codex').isEnabled('trace')).toBe(false);
    expect((await set('loud')).status).toBe(500);
    expect(await (await set('loud')).text()).toBe(
      'Please specify one of: trace, debug, info, notice, warn, error or fatal',
    );
  });

  it('whose port is taken says so, and leaves nothing open', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const config = await testConfig();
    const node = await CodexNode.create({ ...config, apiPort: port });
    await expect(node.start()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('--api-port'),
    });
    other.close();
    // The directory is free again, and so are the peer's ports.
    await startNode(config);
  });

  it('on the directory of another is refused', async () => {
    const config = await testConfig();
    await startNode(config);
    await expect(CodexNode.create(config)).rejects.toMatchObject({ code: expect.stringMatching(/LOCKED|IN_USE/) });
    expect(await readdir(config.dataDir)).toContain('key');
  });

  it('stops while it starts, and twice', async () => {
    const node = await CodexNode.create(await testConfig());
    const started = node.start();
    started.catch(() => {});
    await node.stop();
    await expect(started).rejects.toMatchObject({ code: 'LIFECYCLE_STOPPED' });
    await node.stop();
  });
});

describe('parts of others', () => {
  class Stubborn extends MemoryRepository {
    override stop(): Promise<void> {
      return new Promise(() => {});
    }
  }
  class Broken extends MemoryRepository {
    override start(): void {
      throw new Error('no luck');
    }
  }

  it('that do not stop are given up after a deadline', async () => {
    const STOP_DEADLINE_MS = 15_000;
    const clock: Clock = {
      ...systemClock,
      schedule: (delayMs, call) => systemClock.schedule(delayMs === STOP_DEADLINE_MS ? 50 : delayMs, call),
    };
    const node = await CodexNode.create(await testConfig(), { clock, repository: () => new Stubborn() });
    await node.start();
    await expect(node.stop()).rejects.toMatchObject({ code: 'STOP_DEADLINE_EXCEEDED' });
  });

  it('that do not start end the start, and nothing listens', async () => {
    const node = await CodexNode.create(await testConfig('--metrics'), { repository: () => new Broken() });
    await expect(node.start()).rejects.toThrow('no luck');
    expect(node.ready).toBe(false);
    await expect(fetch(`${node.metricsUrl}/health`)).rejects.toThrow();
  });
});

describe('two nodes', () => {
  it('find each other by one record, and one downloads what the other has', async () => {
    const alice = await startNode(await testConfig());
    const bob = await startNode(await testConfig(`--bootstrap-node=${alice.spr}`));
    const bytes = pattern(3_000_000, 3);
    const cid = await upload(alice, bytes);
    const local = await fetch(`${api(bob)}/data/${cid}`);
    expect(local.status).toBe(404);
    await local.text();
    const response = await fetch(`${api(bob)}/data/${cid}/network/stream`);
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    const again = await fetch(`${api(bob)}/data/${cid}`);
    expect(Buffer.from(await again.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('give up on what nobody has', async () => {
    const alice = await startNode(await testConfig());
    const bob = await startNode(
      await testConfig('--fetch-timeout=1s', `--peer=${alice.network.listenAddrs()[0]}/p2p/${alice.peerId}`),
    );
    const cid = await upload(alice, pattern(1000, 4));
    await (await fetch(`${api(alice)}/data/${cid}`, { method: 'DELETE' })).text();
    const response = await fetch(`${api(bob)}/data/${cid}/network/stream`);
    expect([404, 504]).toContain(response.status);
  });
});
