import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ABIS, EmbeddedChain } from '@codex/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../src/exit-codes.ts';
import { run } from './command.ts';

/** The second of anvil's well-known accounts, which has ether on every development chain. */
const KEY = '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d';

it('codex contracts abi --json prints every ABI', async () => {
  const { code, stdout } = await run(['contracts', 'abi', '--json']);
  expect(code).toBe(EXIT.OK);
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(ABIS)));
});

describe('codex contracts deploy', () => {
  const chain = new EmbeddedChain();
  let directory: string;
  const deploy = (...args: string[]) =>
    run(['contracts', 'deploy', '--rpc', chain.url, '--deployments', directory, ...args]);
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'codex-deploy-'));
    await chain.start();
  });
  afterAll(() => chain.stop());

  it('deploys once, and says where', async () => {
    const first = await deploy('--network', 'localhost', '--json');
    expect(first.stderr).toBe('');
    expect(first.code).toBe(EXIT.OK);
    const deployment = JSON.parse(first.stdout);
    // Where tests of the reference look for it (12 §8).
    expect(deployment.contracts.Marketplace.address).toBe('0x322813Fd9A801c5507c9de605d63CEA4f2CE6c44');
    expect(JSON.parse(await readFile(join(directory, 'localhost.json'), 'utf8'))).toEqual(deployment);
    const second = await deploy('--network', 'localhost');
    expect(second.stdout).toContain('Marketplace 0x322813Fd9A801c5507c9de605d63CEA4f2CE6c44\n');
    expect(JSON.parse(await readFile(join(directory, 'localhost.json'), 'utf8'))).toEqual(deployment);
  });

  it('signs with a key from a file, which it never shows', async () => {
    const file = join(directory, 'key');
    await writeFile(file, `0x${KEY}\n`);
    const { code, stdout } = await deploy('--network', 'test', '--key-file', file);
    expect(code).toBe(EXIT.OK);
    expect(stdout).toContain('Marketplace 0x');
    await writeFile(file, `${KEY.slice(1)}`);
    const bad = await deploy('--network', 'test', '--key-file', file);
    expect(bad.code).toBe(EXIT.USAGE);
    expect(bad.stderr).not.toContain(KEY.slice(1, 20));
  });

  it.each([
    [EXIT.USAGE, ['--network', 'nowhere'], 'There is no network nowhere'],
    [EXIT.USAGE, ['--network', 'codex_testnet'], '--zkey'],
    [EXIT.USAGE, ['--token', 'gold'], 'not an address'],
    [EXIT.USAGE, ['--rpc', 'nowhere'], 'not a URL'],
    [EXIT.FAILED, ['--zkey', '/nowhere.zkey'], '/nowhere.zkey'],
    [EXIT.FAILED, ['--rpc', 'http://127.0.0.1:1'], 'DEPLOYMENT_FAILED'],
  ])('ends with %i for %j', async (code, args, message) => {
    const ended = await deploy(...args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(message);
  });
});
