import { deployContracts, EmbeddedChain, testTokenAbi } from '@codex/contracts';
import type { AbortOptions } from '@codex/runtime';
import { createTestClient, type Hex, parseEther, publicActions, type Transport, walletActions } from 'viem';
import type { Guardian } from '../guardian.ts';
import type { Party } from './parties.ts';
import type { ProofKey } from './proof-key.ts';
import { type Pace, STORY_PACE, storyRules } from './rules.ts';

/** Pays for gas for hours. */
const ETHER = parseEther('100');

export interface MarketChainInit extends AbortOptions {
  readonly key: ProofKey;
  readonly parties: readonly Party[];
  /** Default: the pace of the story. */
  readonly pace?: Pace;
}

/** A chain of its own on this machine with a marketplace, whose blocks come at intervals, and on which all parties have funds. */
export class MarketChain {
  readonly marketplace: Hex;
  readonly token: Hex;
  readonly #chain: EmbeddedChain;
  readonly #guardian: Guardian;
  readonly #blockSeconds: number;

  private constructor(
    { chain, guardian }: { readonly chain: EmbeddedChain; readonly guardian: Guardian },
    init: { readonly marketplace: Hex; readonly token: Hex; readonly blockSeconds: number },
  ) {
    this.#chain = chain;
    this.#guardian = guardian;
    this.marketplace = init.marketplace;
    this.token = init.token;
    this.#blockSeconds = init.blockSeconds;
  }

  /** Errors: `CHAIN_START_FAILED`, `DEPLOYMENT_FAILED`. */
  static async start(
    components: { readonly guardian: Guardian },
    { key, parties, signal, pace = STORY_PACE }: MarketChainInit,
  ): Promise<MarketChain> {
    const { guardian } = components;
    const chain = new EmbeddedChain();
    await chain.start({ signal });
    if (chain.pid !== undefined) guardian.watch(chain.pid);
    try {
      const init = { network: storyRules(pace), verificationKey: key.verificationKey, zkeyHash: key.sha256, signal };
      const { contracts, token } = await deployContracts({ transport: chain.transport() }, init);
      const client = clientOf(chain.transport());
      await fund(client, token, parties);
      const { blockSeconds } = pace;
      const started = new MarketChain(
        { chain, guardian },
        { marketplace: contracts.Marketplace!.address, token, blockSeconds },
      );
      await started.startBlocks();
      return started;
    } catch (error) {
      await chain.stop();
      throw error;
    }
  }

  get url(): string {
    return this.#chain.url;
  }

  get pid(): number | undefined {
    return this.#chain.pid;
  }

  transport(): Transport {
    return this.#chain.transport();
  }

  /** No new block from now on; calls are answered, and transactions wait. */
  async stopBlocks(): Promise<void> {
    await clientOf(this.transport()).setIntervalMining({ interval: 0 });
  }

  /** Blocks come at their interval (again). */
  async startBlocks(): Promise<void> {
    await clientOf(this.transport()).setIntervalMining({ interval: this.#blockSeconds });
  }

  /** Its process stands still: connections are taken, and nothing is answered until `thaw`. */
  freeze(): void {
    if (this.pid !== undefined) process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    if (this.pid !== undefined) process.kill(this.pid, 'SIGCONT');
  }

  /** The next block is so many seconds later than it would have been, and so are all that follow. */
  async skip(seconds: number): Promise<void> {
    await clientOf(this.transport()).increaseTime({ seconds });
  }

  async stop(): Promise<void> {
    const { pid } = this.#chain;
    await this.#chain.stop();
    if (pid !== undefined) this.#guardian.forget(pid);
  }
}

const clientOf = (transport: Transport) =>
  createTestClient({ mode: 'anvil', transport }).extend(publicActions).extend(walletActions);

/** While every transaction gets a block of its own. */
async function fund(client: ReturnType<typeof clientOf>, token: Hex, parties: readonly Party[]): Promise<void> {
  const [account] = await client.getAddresses();
  for (const { address, tokens } of parties) {
    await client.setBalance({ address, value: ETHER });
    const hash = await client.writeContract({
      address: token,
      abi: testTokenAbi,
      functionName: 'mint',
      args: [address, tokens],
      account: account!,
      chain: null,
    });
    await client.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  }
}
