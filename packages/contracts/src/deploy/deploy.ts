import { type AbortOptions, type Logger, silentLogger } from '@codex/runtime';
import { type Account, type Address, encodeDeployData, type Hex, keccak256, type Transport } from 'viem';
import { groth16VerifierAbi, marketplaceAbi, testTokenAbi, vaultAbi } from '../abi.generated.ts';
import { BYTECODE } from '../bytecode.generated.ts';
import type { MarketplaceConfig, NetworkConfig } from '../configuration.ts';
import { type VerificationKey, verifierArguments } from '../verification-key.ts';
import { type DeployedContract, type Deployment, readDeployment, writeDeployment } from './deployment.ts';
import { Sender } from './sender.ts';

export interface DeployComponents {
  readonly transport: Transport;
  readonly logger?: Logger;
}

export interface DeployInit extends AbortOptions {
  readonly network: NetworkConfig;
  /** Of the key that proofs will be made with … */
  readonly verificationKey: VerificationKey;
  /** … and the SHA-256 of that key's file, in hex; default: that of the network. */
  readonly zkeyHash?: string;
  /** Default: a test token is deployed, which anybody can mint. */
  readonly token?: Address;
  /** Who pays; default: the first account that the node keeps itself. */
  readonly account?: Account | Address;
  /** Where `<network>.json` is kept. Without it everything is deployed anew. */
  readonly directory?: string;
}

/** With the usual first account, local marketplaces come to stand where tests of the reference look for them (12 §8). */
const MARKETPLACE_NONCE = 23;
/** Test tokens for each account of a local chain. */
const LOCAL_TOKENS = 10n ** 15n;

/**
 * Deploys token, verifier and marketplace, and on local networks those for tests; what stands there already with the same code is left.
 * Errors: `DEPLOYMENT_FAILED`, `DEPLOYMENT_UNREADABLE`, `VERIFICATION_KEY_INVALID`.
 */
export async function deployContracts(components: DeployComponents, init: DeployInit): Promise<Deployment> {
  const { network, directory, signal } = init;
  const logger = components.logger ?? silentLogger;
  const key = verifierArguments(init.verificationKey);
  const sender = await Sender.open(components.transport, { account: init.account, local: network.local, signal });
  const old = directory === undefined ? undefined : await readDeployment(directory, network.name);
  const known = old?.chainId === sender.chainId ? old.contracts : {};
  const contracts: Record<string, DeployedContract> = {};
  const zkeyHash = init.zkeyHash ?? network.config.proofs.zkeyHash;
  const config: MarketplaceConfig = { ...network.config, proofs: { ...network.config.proofs, zkeyHash } };

  let token: Address;
  const place = async (name: string, input: Hex, nonce?: number): Promise<Address> => {
    const inputHash = keccak256(input);
    const before = known[name];
    let contract: DeployedContract;
    if (before?.inputHash === inputHash && before.codeHash === (await sender.codeHash(before.address))) {
      contract = before;
      logger.debug('Contract is there', { name, address: contract.address });
    } else {
      if (nonce !== undefined) await sender.raiseNonce(nonce);
      contract = { inputHash, ...(await sender.create(name, input)) };
      logger.info('Contract deployed', { name, address: contract.address });
    }
    contracts[name] = contract;
    const made = {
      network: network.name,
      chainId: sender.chainId,
      zkeyHash,
      token: token ?? contract.address,
      contracts,
    };
    // After each contract: a run that breaks off is gone on with.
    if (directory !== undefined) await writeDeployment(directory, { ...made, contracts: { ...known, ...contracts } });
    return contract.address;
  };

  token = init.token ?? (await place('TestToken', BYTECODE.TestToken));
  const verifierInput = encodeDeployData({ abi: groth16VerifierAbi, bytecode: BYTECODE.Groth16Verifier, args: [key] });
  const verifier = await place('Groth16Verifier', verifierInput);
  const marketplaceInput = (bytecode: Hex, proofs: Address) =>
    encodeDeployData({ abi: marketplaceAbi, bytecode, args: [config, token, proofs, network.rules] });
  if (!network.local) {
    await place('Marketplace', marketplaceInput(BYTECODE.Marketplace, verifier));
  } else {
    const accepting = await place('TestVerifier', BYTECODE.TestVerifier);
    await place('Vault', encodeDeployData({ abi: vaultAbi, bytecode: BYTECODE.Vault, args: [token] }));
    await sender.mineHistory();
    await place('Marketplace', marketplaceInput(BYTECODE.Marketplace, verifier), MARKETPLACE_NONCE);
    await place('TestMarketplace', marketplaceInput(BYTECODE.TestMarketplace, accepting));
  }
  const isNewToken = contracts.TestToken !== undefined && contracts.TestToken !== known.TestToken;
  if (network.local && isNewToken) {
    await sender.callForEachAccount(token, testTokenAbi, 'mint', (holder) => [holder, LOCAL_TOKENS]);
  }
  return { network: network.name, chainId: sender.chainId, zkeyHash, token, contracts };
}
