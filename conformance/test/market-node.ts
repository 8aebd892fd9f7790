import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployContracts, EmbeddedChain, HARDHAT_VERIFICATION_KEY, networkConfig } from '@codex/contracts';
import { type Network, startNetwork } from '@codex/devnet';
import { afterAll, beforeAll, vi } from 'vitest';

/** Of development chains, known to everybody. */
const ACCOUNT = {
  address: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
  key: '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
};

/** A real node with `persistence`, beside a chain whose every transaction is a block. */
export function useMarketNode() {
  const held: { chain?: EmbeddedChain; network?: Network; directory?: string } = {};
  beforeAll(async () => {
    held.directory = mkdtempSync(join(tmpdir(), 'codex-conformance-'));
    const keyFile = join(held.directory, 'account');
    writeFileSync(keyFile, ACCOUNT.key, { mode: 0o600 });
    held.chain = new EmbeddedChain();
    await held.chain.start();
    const { contracts } = await deployContracts(
      { transport: held.chain.transport() },
      { network: networkConfig('test'), verificationKey: HARDHAT_VERIFICATION_KEY },
    );
    held.network = await startNetwork({
      nodes: 1,
      directory: join(held.directory, 'network'),
      args: [
        ...['persistence', `--eth-provider=${held.chain.url}`, `--eth-private-key=${keyFile}`],
        ...[`--marketplace-address=${contracts.Marketplace!.address}`, '--storage-quota=100000000'],
      ],
    });
    const api = `${held.network.nodes[0]!.url}/api/codex/v1`;
    // On a busy machine the chain may answer late.
    await vi.waitUntil(async () => (await fetch(`${api}/storage/purchases`)).ok, { timeout: 60_000 });
  }, 120_000);
  afterAll(async () => {
    await held.network?.stop();
    await held.chain?.stop();
    if (held.directory) rmSync(held.directory, { recursive: true, force: true });
  });
  return { url: () => held.network!.nodes[0]!.url, account: ACCOUNT.address };
}
