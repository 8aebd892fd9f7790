import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { CodexNode } from '../../src/index.ts';
import { freshDir, testConfig } from '../node/fixture.ts';
import { call } from './support/market-net.ts';

/** Nothing listens on the discard port. */
const NOWHERE = '--eth-provider=http://127.0.0.1:9';

async function keyFile(mode: number): Promise<string> {
  const path = join(await freshDir(), 'account');
  await writeFile(path, '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d', { mode });
  return path;
}

async function made(...options: string[]): Promise<CodexNode> {
  const node = await CodexNode.create(await testConfig(NOWHERE, ...options), { discovery: false });
  onTestFinished(() => node.stop().catch(() => {}));
  return node;
}

it('needs an account, and a key that nobody else can read', async () => {
  const start = async (...options: string[]) => (await made('persistence', ...options)).start();
  await expect(start()).rejects.toMatchObject({
    code: 'ETHEREUM_ACCOUNT_MISSING',
    message: 'Persistence enabled, but no Ethereum account was set',
  });
  await expect(start(`--eth-private-key=${await keyFile(0o644)}`)).rejects.toMatchObject({
    code: 'KEY_FILE_UNSAFE',
    message: expect.stringContaining('Ethereum private key file does not have safe file permissions'),
  });
  await expect(start('--eth-private-key=/does/not/exist')).rejects.toMatchObject({ code: 'ETHEREUM_KEY_INVALID' });
});

it('is there without a chain, and says so', async () => {
  const node = await made('persistence', `--eth-private-key=${await keyFile(0o600)}`);
  await node.start();
  expect(await call(node, 'GET', '/storage/purchases')).toEqual({ status: 503, text: 'The chain was not reached yet' });
  expect((await call(node, 'GET', '/space')).status).toBe(200);
}, 30_000);

it('is off without the subcommand', async () => {
  const node = await made();
  await node.start();
  expect(await call(node, 'GET', '/storage/purchases')).toEqual({ status: 503, text: 'Persistence is not enabled' });
});
