import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNetwork } from '../src/index.ts';
import { isAlive, jsonLines, runMain, until } from './processes.ts';

const FILE_BYTES = 5 * 1024 * 1024 + 123;
let directory = '';
let file = '';
let sha256 = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'devnet-test-'));
  file = join(directory, 'a file.bin');
  const bytes = Buffer.alloc(FILE_BYTES);
  for (let i = 0; i < FILE_BYTES; i += 4) bytes.writeUInt32LE((i * 2654435761) % 2 ** 32, Math.min(i, FILE_BYTES - 4));
  sha256 = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(file, bytes);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** An empty place for the temporary directories of a run; what is in it afterwards was left over. */
function temporaryPlace() {
  const place = mkdtempSync(join(directory, 'tmp-'));
  return { env: { TMPDIR: place }, leftovers: () => readdirSync(place) };
}

describe('npm start', () => {
  it('stores a file on one node and gets identical copies from the others, then cleans up', async () => {
    const { env, leftovers } = temporaryPlace();
    const run = runMain([file, '--network', '--json'], env);
    const { code, stdout, stderr } = await run.ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const events = jsonLines(stdout);
    expect(events.map(({ event }) => event).sort()).toEqual(
      ['begin', 'joined', 'done', 'fetched', 'fetched', 'ready', 'ready', 'ready', 'stored'].sort(),
    );
    expect(events.find(({ event }) => event === 'joined')?.nodes).toEqual([
      { node: 'node-1', knows: ['node-2', 'node-3'] },
      { node: 'node-2', knows: ['node-1', 'node-3'] },
      { node: 'node-3', knows: ['node-1', 'node-2'] },
    ]);
    expect(events.filter(({ event }) => event === 'fetched')).toEqual([
      expect.objectContaining({ node: 'node-2', bytes: FILE_BYTES, sha256 }),
      expect.objectContaining({ node: 'node-3', bytes: FILE_BYTES, sha256 }),
    ]);
    expect(events.at(-1)).toMatchObject({ event: 'done', identical: true, copies: 3, sha256 });
    for (const { pid } of events.filter(({ event }) => event === 'ready')) expect(isAlive(pid as number)).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  it('prints plain lines without a terminal', async () => {
    const { code, stdout } = await runMain([file, '--nodes', '2']).ended;
    expect(code).toBe(0);
    expect(stdout).toContain('all 2 copies are identical');
    expect(stdout).toMatch(/CID +z/);
    expect(stdout).not.toContain('\x1b');
  });

  it('keeps data and logs where it is told to', async () => {
    const keep = join(directory, 'kept');
    const { code } = await runMain([file, '--nodes', '2', '--keep', keep]).ended;
    expect(code).toBe(0);
    expect(readdirSync(keep).sort()).toEqual(['node-1', 'node-2']);
    expect(readFileSync(join(keep, 'node-1', 'node.log'), 'utf8')).toContain('REST service started');
  });

  it('has an exit code and a message for each kind of failure', async () => {
    const missing = await runMain([join(directory, 'nothing')]).ended;
    expect([missing.code, missing.stdout]).toEqual([1, '']);
    expect(missing.stderr).toContain('does not exist (FILE_UNUSABLE)');
    const usage = await runMain(['--nodes', '0']).ended;
    expect(usage.code).toBe(2);
    const hosts = await runMain(['--hosts', '4']).ended;
    expect([hosts.code, hosts.stderr.includes('5 to 12')]).toEqual([2, true]);
    const help = await runMain(['--help']).ended;
    expect([help.code, help.stdout.includes('--once')]).toEqual([0, true]);
  });
});

describe('when the demo itself ends', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)('by %s, nothing goes on running and nothing is left', async (signal) => {
    const { env, leftovers } = temporaryPlace();
    const run = runMain([file, '--network', '--json'], env);
    const ready = () => jsonLines(run.out.stdout).filter(({ event }) => event === 'ready');
    await until(() => ready().length === 3, 30_000);
    const pids = ready().map(({ pid }) => pid as number);
    run.child.kill(signal);
    await run.ended;
    await until(() => !pids.some(isAlive));
    await until(() => leftovers().length === 0);
  });
});

describe('a network', () => {
  it('survives the death of a node, which comes back with its data and its ports', async () => {
    await using network = await startNetwork({ nodes: 2, directory: join(directory, 'network') });
    const [first, second] = [network.nodes[0]!, network.nodes[1]!];
    const { cid } = await first.rest.upload(file, { size: FILE_BYTES, name: 'x.bin' });
    const { url, peerId } = first;

    await network.kill9(first);
    expect(first.running).toBe(false);
    await expect(first.rest.info()).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' });

    await network.restart(first);
    expect([first.url, first.peerId]).toEqual([url, peerId]);
    expect(await first.rest.exists(cid)).toBe(true);
    expect((await first.rest.download(cid, { local: true })).sha256).toBe(sha256);
    // The others reach it again.
    expect((await second.rest.download(cid)).sha256).toBe(sha256);
    expect((await second.rest.list()).map((item) => item.cid)).toContain(cid);

    await second.rest.remove(cid);
    expect(await second.rest.list()).toEqual([]);
    await expect(second.rest.download('zNotACid')).rejects.toMatchObject({
      code: 'NODE_REFUSED',
      data: { status: 400 },
    });
  });
});
