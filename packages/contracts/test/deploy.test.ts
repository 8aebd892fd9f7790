import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublicClient, custom, type EIP1193RequestFn } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type DeployInit,
  deployContracts,
  EmbeddedChain,
  HARDHAT_VERIFICATION_KEY,
  marketplaceAbi,
  NETWORKS,
  networkConfig,
  readDeployment,
  testTokenAbi,
} from '../src/index.ts';

const freshDirectory = () => mkdtemp(join(tmpdir(), 'codex-deployments-'));
const init = (changes: Partial<DeployInit> = {}): DeployInit => ({
  network: networkConfig('localhost'),
  verificationKey: HARDHAT_VERIFICATION_KEY,
  ...changes,
});

describe('deployContracts', () => {
  const chain = new EmbeddedChain();
  let directory: string;
  beforeAll(async () => {
    directory = await freshDirectory();
    await chain.start();
  });
  afterAll(() => chain.stop());
  const reader = () => createPublicClient({ transport: chain.transport() });
  const height = () => reader().getBlockNumber({ cacheTime: 0 });

  it('deploys the whole set on a fresh chain, makes it old enough and gives tokens to its accounts', async () => {
    const before = performance.now();
    const deployment = await deployContracts({ transport: chain.transport() }, init({ directory }));
    expect(performance.now() - before).toBeLessThan(20_000);
    expect(Object.keys(deployment.contracts)).toEqual([
      'TestToken',
      'Groth16Verifier',
      'TestVerifier',
      'Vault',
      'Marketplace',
      'TestMarketplace',
    ]);
    expect(deployment.contracts.Marketplace?.address).toBe('0x322813Fd9A801c5507c9de605d63CEA4f2CE6c44');
    expect(deployment.contracts.TestMarketplace?.address).toBe('0xa85233C63b9Ee964Add6F2cffe00Fd84eb32338f');
    const address = deployment.contracts.Marketplace!.address;
    const configuration = await reader().readContract({ address, abi: marketplaceAbi, functionName: 'configuration' });
    expect(configuration).toEqual(networkConfig('localhost').config);
    const accounts = (await reader().request({ method: 'eth_accounts' } as never)) as `0x${string}`[];
    expect(accounts).toHaveLength(20);
    for (const account of accounts) {
      const args = [account] as const;
      const balance = await reader().readContract({
        address: deployment.token,
        abi: testTokenAbi,
        functionName: 'balanceOf',
        args,
      });
      expect(balance).toBe(10n ** 15n);
    }
    expect(await readDeployment(directory, 'localhost')).toEqual(deployment);
  });

  it('leaves what is there', async () => {
    const before = await height();
    const again = await deployContracts({ transport: chain.transport() }, init({ directory }));
    expect(again).toEqual(await readDeployment(directory, 'localhost'));
    expect(await height()).toBe(before);
  });

  it('deploys anew what has changed, and what depends on it', async () => {
    const old = await readDeployment(directory, 'localhost');
    const zkeyHash = 'ab'.repeat(32);
    const changed = await deployContracts({ transport: chain.transport() }, init({ directory, zkeyHash }));
    expect(changed.contracts.TestToken).toEqual(old?.contracts.TestToken);
    expect(changed.contracts.Groth16Verifier).toEqual(old?.contracts.Groth16Verifier);
    expect(changed.contracts.Marketplace?.address).not.toBe(old?.contracts.Marketplace?.address);
    expect(changed.zkeyHash).toBe(zkeyHash);
  });

  it('goes on where a run broke off, and leaves no half-written file', async () => {
    const part = await freshDirectory();
    const controller = new AbortController();
    let creations = 0;
    const inner = chain.transport()({ retryCount: 0 });
    const request: EIP1193RequestFn = (async (call: { method: string }) => {
      if (call.method === 'eth_sendTransaction' && ++creations === 3) controller.abort(new Error('stopped'));
      return inner.request(call as never);
    }) as EIP1193RequestFn;
    const options = init({ directory: part, signal: controller.signal });
    await expect(deployContracts({ transport: custom({ request }) }, options)).rejects.toThrow('stopped');
    const kept = await readDeployment(part, 'localhost');
    expect(Object.keys(kept!.contracts)).toEqual(['TestToken', 'Groth16Verifier']);
    expect(await readdir(part)).toEqual(['localhost.json']);
    const whole = await deployContracts({ transport: chain.transport() }, init({ directory: part }));
    expect(whole.contracts).toMatchObject(kept!.contracts);
  });

  it('deploys on another network as its own account, without contracts for tests', async () => {
    const account = privateKeyToAccount('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d');
    const network = { ...NETWORKS.codex_testnet!, name: 'remote' };
    const { contracts, token } = await deployContracts({ transport: chain.transport() }, init({ network, account }));
    expect(Object.keys(contracts)).toEqual(['TestToken', 'Groth16Verifier', 'Marketplace']);
    const given = await deployContracts({ transport: chain.transport() }, init({ network, account, token }));
    expect(Object.keys(given.contracts)).toEqual(['Groth16Verifier', 'Marketplace']);
    expect(given.token).toBe(token);
  });

  it('knows that the chain is another one', async () => {
    const other = new EmbeddedChain();
    await other.start();
    try {
      // Same chain id, but nothing stands there.
      const deployment = await deployContracts({ transport: other.transport() }, init({ directory }));
      const code = await createPublicClient({ transport: other.transport() }).getCode({ address: deployment.token });
      expect(code).toBeDefined();
    } finally {
      await other.stop();
    }
  });

  it('works on chains that mine at intervals or on demand only', async () => {
    for (const mining of [{ blockTimeSeconds: 1 }, { onDemand: true }]) {
      const other = new EmbeddedChain(mining);
      await other.start();
      const { contracts } = await deployContracts({ transport: other.transport() }, init()).finally(() => other.stop());
      expect(contracts.Marketplace?.address).toBe('0x322813Fd9A801c5507c9de605d63CEA4f2CE6c44');
    }
  });

  it('says what the chain refuses', async () => {
    const network = networkConfig('localhost');
    const collateral = { ...network.config.collateral, slashPercentage: 101 };
    const wrong = { ...network, config: { ...network.config, collateral } };
    const deploying = deployContracts({ transport: chain.transport() }, init({ network: wrong }));
    await expect(deploying).rejects.toMatchObject({ code: 'DEPLOYMENT_FAILED' });
    const key = { ...HARDHAT_VERIFICATION_KEY, ic: HARDHAT_VERIFICATION_KEY.ic.slice(1) };
    await expect(
      deployContracts({ transport: chain.transport() }, init({ verificationKey: key })),
    ).rejects.toMatchObject({ code: 'VERIFICATION_KEY_INVALID' });
    const infinite = { ...HARDHAT_VERIFICATION_KEY, alpha: undefined };
    await expect(
      deployContracts({ transport: chain.transport() }, init({ verificationKey: infinite })),
    ).rejects.toMatchObject({ code: 'VERIFICATION_KEY_INVALID' });
  });

  it.each(['', 'no json', '{}', '[]', '{"network":"x","chainId":1,"zkeyHash":"","token":"0x","contracts":{}}'])(
    'refuses a file with %j in it',
    async (text) => {
      const spoilt = await freshDirectory();
      await writeFile(join(spoilt, 'localhost.json'), text);
      await expect(readDeployment(spoilt, 'localhost')).rejects.toMatchObject({ code: 'DEPLOYMENT_UNREADABLE' });
      await expect(
        deployContracts({ transport: chain.transport() }, init({ directory: spoilt })),
      ).rejects.toMatchObject({ code: 'DEPLOYMENT_UNREADABLE' });
      expect(await readFile(join(spoilt, 'localhost.json'), 'utf8')).toBe(text);
    },
  );

  it('keeps names of networks out of other directories', async () => {
    for (const name of ['../localhost', '', 'a/b', '.']) {
      await expect(readDeployment(directory, name)).rejects.toMatchObject({ code: 'NETWORK_UNKNOWN' });
    }
    for (const name of ['nowhere', 'toString', '__proto__']) {
      expect(() => networkConfig(name)).toThrow(expect.objectContaining({ code: 'NETWORK_UNKNOWN' }));
    }
    expect(await readDeployment(directory, 'other')).toBeUndefined();
  });
});

describe('EmbeddedChain', () => {
  it('starts, is reached, and is gone after it is stopped', async () => {
    const chain = new EmbeddedChain({ accounts: 3 });
    await expect(chain.mine(1)).rejects.toMatchObject({ code: 'CHAIN_START_FAILED' });
    await chain.start();
    const { pid } = chain;
    expect(chain.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await chain.mine(10, 5);
    const id = await chain.snapshot();
    await chain.mineAt(4_000_000_000n);
    expect((await createPublicClient({ transport: chain.transport() }).getBlock()).timestamp).toBe(4_000_000_000n);
    await chain.revert(id);
    expect(await createPublicClient({ transport: chain.transport() }).getBlockNumber()).toBe(10n);
    await chain.stop();
    await chain.stop();
    expect(() => process.kill(pid!, 0)).toThrow();
  });

  it('says why it does not start', async () => {
    const first = new EmbeddedChain();
    await first.start();
    const second = new EmbeddedChain({ port: Number(new URL(first.url).port) });
    await expect(second.start()).rejects.toMatchObject({ code: 'CHAIN_START_FAILED' });
    expect(second.pid).toBeUndefined();
    await first.stop();
    const aborted = new EmbeddedChain();
    const reason = new Error('not now');
    await expect(aborted.start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
