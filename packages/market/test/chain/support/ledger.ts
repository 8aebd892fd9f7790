import type { Hex, TracedEvent } from '../../../src/index.ts';
import type { MarketChain } from './market-chain.ts';

const keyOf = (blockHash: string, logIndex: number) => `${blockHash} ${logIndex}`;

/** What a listener was told, held against the chain. */
export class Ledger {
  readonly told: TracedEvent[] = [];
  readonly standing = new Map<string, TracedEvent>();
  /** What must not happen. */
  readonly faults: string[] = [];

  readonly listener = (events: readonly TracedEvent[]): void => {
    for (const event of events) {
      const key = keyOf(event.blockHash, event.logIndex);
      this.told.push(event);
      if (event.undone) {
        if (!this.standing.delete(key)) this.faults.push(`undone without having been told: ${key}`);
      } else {
        if (this.standing.has(key)) this.faults.push(`told twice: ${key}`);
        this.standing.set(key, event);
      }
    }
  };

  /** The keys of all events of the marketplace in the chain, from a block on. */
  static async onChain(chain: MarketChain, fromBlock: bigint, topics: readonly Hex[]): Promise<string[]> {
    const logs = await chain.rpc<{ blockHash: string; logIndex: Hex }[]>('eth_getLogs', [
      { address: chain.marketplace, topics: [topics], fromBlock: `0x${fromBlock.toString(16)}`, toBlock: 'latest' },
    ]);
    return logs.map(({ blockHash, logIndex }) => keyOf(blockHash, Number(logIndex))).sort();
  }

  keysFrom(block: bigint): string[] {
    return [...this.standing].flatMap(([key, { blockNumber }]) => (blockNumber >= block ? [key] : [])).sort();
  }

  get keys(): string[] {
    return [...this.standing.keys()].sort();
  }
}

interface Mined {
  readonly from: string;
  readonly input: Hex;
  readonly hash: Hex;
}

/** Transactions of an account in the chain, from a block on, approvals apart; each with its status. */
export async function minedBy(
  chain: MarketChain,
  index: number,
  fromBlock: bigint,
): Promise<{ input: Hex; isSuccess: boolean }[]> {
  const head = BigInt(await chain.rpc<Hex>('eth_blockNumber'));
  const found: { input: Hex; isSuccess: boolean }[] = [];
  for (let number = fromBlock; number <= head; number++) {
    const { transactions } = await chain.rpc<{ transactions: Mined[] }>('eth_getBlockByNumber', [
      `0x${number.toString(16)}`,
      true,
    ]);
    for (const { from, input, hash } of transactions) {
      if (from !== chain.account(index) || input.startsWith('0x095ea7b3')) continue;
      const { status } = await chain.rpc<{ status: Hex }>('eth_getTransactionReceipt', [hash]);
      found.push({ input, isSuccess: status === '0x1' });
    }
  }
  return found;
}
