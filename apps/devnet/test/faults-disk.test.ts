import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { defaultNodeCommand, nodeEnvironment, startNetwork } from '../src/index.ts';
import { type Answer, ask } from './http.ts';

const MIB = 1024 * 1024;
/** Room for some uploads of a few MiB, and quickly full. */
const SMALL_DISK_BYTES = 24 * MIB;
const NOBODY = 65_534;
const BLOCK = 64 * 1024;
const CODE = JSON.stringify({ data: 4, parity: 2 });

/** Lets a node protect a file; the CID of the protected one. */
async function protect(url: string, cid: string): Promise<string> {
  const answer = await ask(url, { method: 'POST', path: `/data/${cid}/protect`, body: CODE });
  expect(answer.status, answer.body.toString()).toBe(200);
  return (JSON.parse(answer.body.toString()) as { cid: string }).cid;
}

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'codex-faults-'));
  chmodSync(directory, 0o755);
});
const mounts: string[] = [];
afterEach(() => {
  for (const path of mounts.splice(0)) execFileSync('umount', ['-l', path]);
  rmSync(directory, { recursive: true, force: true });
});

const isRoot = process.getuid?.() === 0;

/** Runs a node that is to end by itself; resolves with its exit code and everything that it printed. */
async function runToEnd(dataDir: string, ids: { uid?: number; gid?: number } = {}) {
  const [program = '', ...first] = defaultNodeCommand();
  const args = [
    ...first,
    `--data-dir=${dataDir}`,
    '--api-port=0',
    '--disc-port=0',
    '--listen-addrs=/ip4/127.0.0.1/tcp/0',
    '--nat=none',
  ];
  const env = nodeEnvironment({ HOME: directory });
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...ids });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text;
      // It started after all: the test fails, and nothing may stay behind.
      if (output.includes('REST service started')) child.kill();
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** A file system that is really small; skips the test where this user may not mount one. */
function smallDisk(context: TestContext, options = `size=${SMALL_DISK_BYTES}`): string {
  const path = join(directory, 'disk');
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    context.skip('needs the right to mount a tmpfs (root on Linux)');
  }
  mounts.push(path);
  return path;
}

describe('a full disk', () => {
  it('refuses uploads with 507, loses nothing, and takes them again when there is room', async (context) => {
    const disk = smallDisk(context);
    const [others, rest] = [join(disk, 'of-others'), join(disk, 'rest')];
    writeFileSync(others, Buffer.alloc(SMALL_DISK_BYTES / 2));
    await using network = await startNetwork({ nodes: 1, directory: join(disk, 'network') });
    const node = network.nodes[0]!;
    const post = (bytes: Uint8Array) => ask(node.url, { method: 'POST', path: '/data', body: bytes });
    const space = async () => JSON.parse((await ask(node.url, { path: '/space' })).body.toString());
    const kept = new Map<string, Buffer>();
    const expectKept = async () => {
      expect((await node.rest.list()).map(({ cid }) => cid).sort()).toEqual([...kept.keys()].sort());
      for (const [cid, bytes] of kept) {
        expect((await ask(node.url, { path: `/data/${cid}` })).body.equals(bytes)).toBe(true);
      }
    };
    let refused: Answer | undefined;
    while (!refused) {
      const bytes = randomBytes(MIB);
      const before = await space();
      const answer = await post(bytes);
      if (answer.status === 200) kept.set(answer.body.toString(), bytes);
      else {
        refused = answer;
        await expect.poll(space).toEqual(before);
      }
      expect(kept.size, 'the disk fills').toBeLessThan(13);
    }
    expect([refused.status, refused.body.toString()]).toEqual([507, expect.stringContaining('disk is full')]);
    expect(kept.size).toBeGreaterThan(1);
    await expectKept();

    // Others take the very last page; then the node dies, and starts on the full disk.
    expect(() => writeFileSync(rest, Buffer.alloc(SMALL_DISK_BYTES))).toThrow('ENOSPC');
    expect((await post(randomBytes(1000))).status).toBe(507);
    await expectKept();
    await network.kill9(node);
    await node.start();
    expect((await post(randomBytes(1000))).status).toBe(507);
    await expectKept();

    rmSync(rest);
    rmSync(others);
    const bytes = randomBytes(2 * MIB);
    const answer = await post(bytes);
    expect(answer.status).toBe(200);
    kept.set(answer.body.toString(), bytes);
    await expectKept();
  });
});

describe('a data directory that cannot be used', () => {
  it('a file in its place: exit code 1 and DATA_DIR_UNUSABLE', async () => {
    const path = join(directory, 'file');
    writeFileSync(path, 'mine');
    const { code, output } = await runToEnd(path);
    expect([code, output]).toEqual([1, expect.stringContaining('[DATA_DIR_UNUSABLE]')]);
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('of another user, unreadable: exit code 1 with the path, and it stays as it was', async () => {
    const path = join(directory, 'private');
    mkdirSync(path, { mode: isRoot ? 0o700 : 0o000 });
    const { code, output } = await runToEnd(path, isRoot ? { uid: NOBODY, gid: NOBODY } : {});
    expect([code, output]).toEqual([1, expect.stringContaining(path)]);
    expect(output).toMatch(/\[[A-Z_]+\]/);
    expect(statSync(path).mode & 0o777).toBe(isRoot ? 0o700 : 0o000);
  });

  it('on a disk that is read-only: exit code 1 and DATA_DIR_UNUSABLE', async (context) => {
    const { code, output } = await runToEnd(join(smallDisk(context, 'ro'), 'data'));
    expect([code, output]).toEqual([1, expect.stringContaining('[DATA_DIR_UNUSABLE]')]);
  });

  it('on a disk without any room: exit code 1 and a reason', async (context) => {
    const disk = smallDisk(context, 'size=8k');
    const { code, output } = await runToEnd(join(disk, 'data'));
    expect([code, output]).toEqual([1, expect.stringMatching(/\[(DISK_FULL|DATA_DIR_UNUSABLE)\]/)]);
  });

  it('in use by another node: exit code 1 and DATA_DIR_LOCKED, and the first goes on', async () => {
    await using network = await startNetwork({ nodes: 1, directory: join(directory, 'network') });
    const [node] = network.nodes;
    const { code, output } = await runToEnd(node!.dataDir);
    expect([code, output]).toEqual([1, expect.stringContaining('[DATA_DIR_LOCKED]')]);
    const body = randomBytes(MIB);
    const cid = (await ask(node!.url, { method: 'POST', path: '/data', body })).body.toString();
    expect((await ask(node!.url, { path: `/data/${cid}` })).body.equals(body)).toBe(true);
  });
});

describe('bytes that rot on the disk', () => {
  it('are never served: the block is missing locally, and fetched again from a peer', async () => {
    await using network = await startNetwork({ nodes: 2, directory: join(directory, 'network') });
    const [first, second] = [network.nodes[0]!, network.nodes[1]!];
    const body = randomBytes(2 * MIB);
    const cid = (await ask(first.url, { method: 'POST', path: '/data', body })).body.toString();
    expect((await ask(second.url, { path: `/data/${cid}/network/stream` })).body.equals(body)).toBe(true);
    await first.stop();
    const segments = join(first.dataDir, 'repo', 'segments');
    let flipped = 0;
    for (const name of readdirSync(segments)) {
      const bytes = readFileSync(join(segments, name));
      const at = bytes.indexOf(body.subarray(MIB, MIB + 64));
      if (at < 0) continue;
      bytes[at + 7]! ^= 1;
      writeFileSync(join(segments, name), bytes);
      flipped++;
    }
    expect(flipped).toBe(1);
    await network.restart(first);
    // The answer may have begun when the damage is found: then it is cut, and what came is right.
    const came: Buffer[] = [];
    const local = await ask(first.url, { path: `/data/${cid}`, onData: (piece) => came.push(piece) }).catch(() => null);
    expect(local?.status ?? 'cut').not.toBe(200);
    const prefix = Buffer.concat(came);
    expect(prefix.length).toBeLessThanOrEqual(MIB);
    expect(prefix.equals(body.subarray(0, prefix.length))).toBe(true);
    expect((await ask(first.url, { path: `/data/${cid}/network/stream` })).body.equals(body)).toBe(true);
    expect((await ask(first.url, { path: `/data/${cid}` })).body.equals(body)).toBe(true);
  });

  it('of a protected file are restored from its other rows, without any peer', async () => {
    await using network = await startNetwork({ nodes: 1, directory: join(directory, 'network') });
    const node = network.nodes[0]!;
    const body = randomBytes(2 * MIB);
    const plain = (await ask(node.url, { method: 'POST', path: '/data', body })).body.toString();
    const cid = await protect(node.url, plain);
    await node.stop();
    // Two of the six rows of one column: leaves 3 and 11 of rows of eight.
    const segments = join(node.dataDir, 'repo', 'segments');
    let flipped = 0;
    for (const name of readdirSync(segments)) {
      const bytes = readFileSync(join(segments, name));
      for (const leaf of [3, 11]) {
        const at = bytes.indexOf(body.subarray(leaf * BLOCK, leaf * BLOCK + 64));
        if (at < 0) continue;
        bytes[at + 7]! ^= 1;
        flipped++;
      }
      writeFileSync(join(segments, name), bytes);
    }
    expect(flipped).toBe(2);
    await network.restart(node);
    expect((await ask(node.url, { path: `/data/${cid}` })).body.equals(body)).toBe(true);
    expect((await ask(node.url, { method: 'POST', path: `/data/${cid}/repair` })).status).toBe(200);
    // The plain file has its blocks back, too.
    expect((await ask(node.url, { path: `/data/${plain}` })).body.equals(body)).toBe(true);
  });
});

describe('a node that is killed', () => {
  it('while it protects a file goes on when it is asked again', async () => {
    await using network = await startNetwork({ nodes: 1, directory: join(directory, 'network') });
    const node = network.nodes[0]!;
    const body = randomBytes(48 * MIB);
    const plain = (await ask(node.url, { method: 'POST', path: '/data', body })).body.toString();
    const began = Promise.withResolvers<void>();
    const cut = ask(node.url, {
      ...{ method: 'POST', path: `/data/${plain}/protect`, body: CODE },
      headers: { accept: 'application/x-ndjson' },
      onData: () => began.resolve(),
    }).catch(() => null);
    await began.promise;
    await network.kill9(node);
    await cut;
    await node.start();
    const cid = await protect(node.url, plain);
    expect((await node.rest.list()).map((item) => item.cid).sort()).toEqual([plain, cid].sort());
    expect((await ask(node.url, { path: `/data/${cid}` })).body.equals(body)).toBe(true);
  });
});
