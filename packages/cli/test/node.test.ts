import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freshDir, type Ran, run, startNode, type TestNode } from './command.ts';

const nodes: TestNode[] = [];
let dir = '';
let data: Buffer;

async function node(dataDir: string, ...options: string[]): Promise<TestNode> {
  const started = await startNode(dataDir, ...options);
  nodes.push(started);
  return started;
}

const verb = (on: TestNode, ...args: string[]) => run([...args, '--api', on.url, '--quiet'], { cwd: dir });
const parsed = (ran: Ran) => {
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ran.stdout);
};

beforeAll(async () => {
  dir = await freshDir();
  data = Buffer.alloc(5_000_001);
  for (let i = 0; i < data.length; i++) data[i] = (Math.imul(i, 2654435761) >>> 13) & 0xff;
  await writeFile(join(dir, 'data.bin'), data);
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((running) => running.stop()));
});

describe('a node and the verbs', () => {
  it('share a file between two nodes', async () => {
    const alice = await node(join(await freshDir(), 'alice'));
    const bob = await node(join(await freshDir(), 'bob'));
    const { cid, bytes } = parsed(await verb(alice, 'upload', 'data.bin', '--json', '--type', 'application/pdf'));
    expect(bytes).toBe(data.length);
    expect(await verb(bob, 'exists', cid)).toMatchObject({ code: 3, stdout: 'false\n' });

    const info = parsed(await verb(alice, 'info', '--json'));
    expect(await verb(bob, 'connect', info.id, info.addrs[0])).toMatchObject({
      code: 0,
      stdout: 'Successfully connected to peer\n',
    });
    expect((await verb(alice, 'spr')).stdout).toBe(`${info.spr}\n`);
    const manifest = parsed(await verb(bob, 'info', cid, '--json')).manifest;
    expect(manifest).toMatchObject({ filename: 'data.bin', mimetype: 'application/pdf', datasetSize: data.length });

    const target = await freshDir();
    expect(await verb(bob, 'download', cid, '-o', target)).toMatchObject({
      code: 0,
      stdout: `${join(target, 'data.bin')}\n`,
    });
    expect((await readFile(join(target, 'data.bin'))).equals(data)).toBe(true);
    expect(await verb(bob, 'exists', cid)).toMatchObject({ code: 0, stdout: 'true\n' });
    const stream = await verb(bob, 'download', cid, '--local', '-o', '-');
    expect(Buffer.from(stream.stdout, 'latin1').equals(data)).toBe(true);
  });

  it('join a network by a record, and connect by peer id alone', async () => {
    const alice = await node(join(await freshDir(), 'alice'));
    const spr = (await verb(alice, 'spr')).stdout.trim();
    const bob = await node(join(await freshDir(), 'bob'), `--bootstrap-node=${spr}`);
    const { id } = parsed(await verb(alice, 'info', '--json'));
    await expect
      .poll(async () => (await verb(bob, 'peers')).stdout, { timeout: 20_000 })
      .toMatch(new RegExp(`^PEER +UDP +SEEN\n${id} +127.0.0.1:[0-9]+ +yes\n$`));
    expect(parsed(await verb(bob, 'peers', '--json'))).toMatchObject([{ peerId: id, seen: true }]);
    expect((await verb(bob, 'info')).stdout).toMatch(/^nodes known +1$/m);
    expect(await verb(bob, 'connect', id)).toMatchObject({ code: 0, stdout: 'Successfully connected to peer\n' });
  });

  it('protect a file, download what lost rows, and repair it', async () => {
    const alice = await node(join(await freshDir(), 'alice'));
    const { cid } = parsed(await verb(alice, 'upload', 'data.bin', '--json'));
    const made = parsed(await verb(alice, 'protect', cid, '--data', '4', '--parity=2', '--json'));
    expect(made.manifest).toMatchObject({ protected: true, filename: 'data.bin' });
    expect((await verb(alice, 'protect', cid, '--data', '4', '--parity', '2')).stdout).toBe(`${made.cid}\n`);
    expect(await verb(alice, 'repair', made.cid)).toMatchObject({ code: 0, stdout: `${made.cid}\n`, stderr: '' });
    const stream = await verb(alice, 'download', made.cid, '--local', '-o', '-');
    expect(Buffer.from(stream.stdout, 'latin1').equals(data)).toBe(true);
    for (const [args, code, text] of [
      [['protect', cid, '--data', '4'], 2, /--parity/],
      [['protect', cid, '--data', '4', '--parity', 'two'], 2, /whole number/],
      [['protect', cid, '--data', '400', '--parity', '2'], 1, /need at least 26214400 bytes \[REQUEST_REFUSED\]/],
      [['repair', cid], 1, /The dataset is not protected \[REQUEST_REFUSED\]/],
    ] as const) {
      expect(await verb(alice, ...args)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(text) });
    }
  });

  it('list, measure and remove what is stored', async () => {
    const alice = await node(join(await freshDir(), 'alice'));
    expect(await verb(alice, 'ls')).toMatchObject({ code: 0, stdout: '' });
    const piped = await run(['upload', '-', '--name', 'piped.txt', '--api', alice.url], {
      input: Buffer.from('hello'),
    });
    const cid = piped.stdout.trim();
    expect((await verb(alice, 'ls')).stdout).toMatch(
      new RegExp(`^CID +SIZE +TYPE +NAME\n${cid} +5 B +text/plain +piped.txt\n$`),
    );
    expect(parsed(await verb(alice, 'ls', '--json')).content).toHaveLength(1);
    expect(parsed(await verb(alice, 'space', '--json'))).toMatchObject({ totalBlocks: 2 });
    expect((await verb(alice, 'space')).stdout).toMatch(/^quota +20\.0 GiB$/m);
    expect(await verb(alice, 'rm', cid)).toMatchObject({ code: 0, stdout: `${cid}\n` });
    expect(parsed(await verb(alice, 'space', '--json'))).toMatchObject({ totalBlocks: 0 });
    expect(await verb(alice, 'download', cid, '--local')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('[NOT_FOUND]'),
    });
    expect(await verb(alice, 'log-level', 'loud')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Please specify one of'),
    });
    expect((await verb(alice, 'log-level', 'debug')).code).toBe(0);
    expect(await verb(alice, 'info', 'nonsense')).toMatchObject({
      code: 1,
      stderr: 'codex: Incorrect Cid [REQUEST_REFUSED]\n',
    });
  });
});

it('a node outside of the marketplace tells prices, but neither buys nor sells', async () => {
  const alice = await node(join(await freshDir(), 'alice'));
  const { cid } = parsed(await verb(alice, 'upload', 'data.bin', '--json'));
  const terms = ['--duration', '1d', '--price', '2', '--collateral', '1'];
  // 77 blocks in 2 rows: 39 blocks a slot, which are filled up to 64.
  const slotBytes = 64 * 65_536;
  const price = String(3 * slotBytes * 86_400 * 2);
  expect(parsed(await verb(alice, 'buy', cid, ...terms, '--dry-run', '--json'))).toMatchObject({ slotBytes, price });
  const hint = expect.stringMatching(/codex persistence .* \[REQUEST_REFUSED\]/);
  for (const args of [['buy', cid, ...terms], ['purchases'], ['availability'], ['sales']]) {
    expect(await verb(alice, ...args)).toMatchObject({ code: 1, stdout: '', stderr: hint });
  }
});

describe('the process of a node', () => {
  it('keeps what it acknowledged when it is killed, and who it is', async () => {
    const dataDir = join(await freshDir(), 'data');
    const first = await node(dataDir);
    const { cid } = parsed(await verb(first, 'upload', 'data.bin', '--json'));
    const { id } = parsed(await verb(first, 'info', '--json'));
    await first.stop('SIGKILL');
    const second = await node(dataDir);
    expect(parsed(await verb(second, 'info', '--json')).id).toBe(id);
    const stream = await verb(second, 'download', cid, '--local', '-o', '-');
    expect(Buffer.from(stream.stdout, 'latin1').equals(data)).toBe(true);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly on %s', async (signal) => {
    const alice = await node(join(await freshDir(), 'alice'));
    expect(await alice.stop(signal)).toBe(0);
    expect(alice.log()).toMatch(/^NTC .{29} Codex node stopped /m);
    for (const line of alice.log().trimEnd().split('\n')) {
      expect(line).toMatch(/^[A-Z]{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d \S.* topics="[^"]*" tid=\d+/);
      expect(line[33]).toBe(' ');
    }
    expect(alice.log()).toMatch(/Starting codex node .*config=.*peerId: 16Uiu2[^,]+,/);
  });

  it('logs JSON lines when asked to', async () => {
    const log = join(await freshDir(), 'node.log');
    const alice = await node(join(await freshDir(), 'alice'), `--log-file=${log}`);
    await alice.stop();
    const copy = await readFile(log, 'utf8');
    expect(copy).toContain('REST service started');
    const bob = run(
      [
        '--log-format=json',
        '--api-port=0',
        '--disc-port=0',
        `--data-dir=${await freshDir()}`,
        '--listen-addrs=/ip4/127.0.0.1/tcp/0',
      ],
      {
        meanwhile: (child) =>
          child.stdout?.on('data', (text) => String(text).includes('REST service started') && child.kill()),
      },
    );
    const lines = (await bob).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.msg)).toContain('REST service started');
    expect(lines.every((line) => line.lvl && line.ts && line.topics)).toBe(true);
  });

  it('does not start when its port, directory or key is not its own', async () => {
    const dataDir = join(await freshDir(), 'data');
    const alice = await node(dataDir);
    const port = new URL(alice.url).port;
    const other = join(await freshDir(), 'other');
    const taken = await run([
      `--data-dir=${other}`,
      `--api-port=${port}`,
      '--disc-port=0',
      '--log-format=none',
      '--listen-addrs=/ip4/127.0.0.1/tcp/0',
    ]);
    expect(taken).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('[LISTEN_FAILED]') });
    const shared = await run([`--data-dir=${dataDir}`, '--api-port=0', '--disc-port=0', '--log-format=none']);
    expect(shared.code).toBe(1);
    expect(shared.stderr).toMatch(/\[[A-Z_]*(LOCKED|IN_USE)\]/);
    await chmod(join(other, 'key'), 0o644);
    const unsafe = await run([`--data-dir=${other}`, '--api-port=0', '--disc-port=0', '--log-format=none']);
    expect(unsafe).toMatchObject({ code: 1, stderr: expect.stringContaining('does not have safe file permissions') });
    expect((await stat(join(other, 'key'))).mode & 0o777).toBe(0o644);
  });

  it.each([
    [['--storage-quota=lots'], 'CONFIG_INVALID'],
    [['--nonsense'], 'OPTION_UNKNOWN'],
    [['persistence', '--eth-provider=ws://x'], 'ETHEREUM_ACCOUNT_MISSING'],
    [['--config-file=/nonexistent'], 'CONFIG_FILE_INVALID'],
    [['frobnicate'], 'ARGUMENT_UNEXPECTED'],
  ])('refuses %j with exit code 1', async (args, code) => {
    expect(await run(args)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(`[${code}]`) });
  });

  it('tells its version in four lines, and its options', async () => {
    const version = await run(['--version']);
    expect(version.code).toBe(0);
    expect(version.stdout).toMatch(
      /^Codex version: {2}v\S+\nCodex revision: \S+\nCodex contracts revision: \S+\nNode\.js v\S+ .*\n$/,
    );
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('--storage-quota');
    expect(help.stdout).toContain('download');
  });
});
