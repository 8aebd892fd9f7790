import { isHex } from '../blocks/header.ts';
import type { Hex } from '../marketplace.ts';
import type { RpcAnswer, RpcCall } from '../rpc/json-rpc.ts';
import type { Entry } from './journal.ts';

export interface Receipt {
  readonly transactionHash: Hex;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly isSuccess: boolean;
  readonly gasUsed: bigint;
  /** Gas times price. */
  readonly fee: bigint;
}

/** Undefined: the transaction is in no block that the back end knows. */
function parseReceipt(value: unknown): Receipt | undefined {
  const raw = (value ?? {}) as Record<string, unknown>;
  const { transactionHash, blockNumber, blockHash, status, gasUsed, effectiveGasPrice } = raw;
  if (!isHex(transactionHash) || !isHex(blockNumber) || !isHex(blockHash) || !isHex(gasUsed)) return undefined;
  return {
    transactionHash: transactionHash.toLowerCase() as Hex,
    blockNumber: BigInt(blockNumber),
    blockHash: blockHash.toLowerCase() as Hex,
    isSuccess: isHex(status) && BigInt(status) === 1n,
    gasUsed: BigInt(gasUsed),
    fee: BigInt(gasUsed) * (isHex(effectiveGasPrice) ? BigInt(effectiveGasPrice) : 0n),
  };
}

/** Asks for the receipts of all attempts at some transactions. */
export const receiptCalls = (entries: readonly Entry[]): RpcCall[] =>
  entries
    .flatMap(({ attempts }) => attempts)
    .map(({ hash }) => ({ method: 'eth_getTransactionReceipt', params: [hash] }));

/** Those that there are, by the hashes of their transactions. */
export function receiptsIn(answers: readonly RpcAnswer[]): Map<Hex, Receipt> {
  const receipts = answers.map(({ result }) => parseReceipt(result)).filter((receipt) => receipt !== undefined);
  return new Map(receipts.map((receipt) => [receipt.transactionHash, receipt]));
}

/** Of whichever attempt is in a block. */
export const receiptOf = ({ attempts }: Entry, receipts: ReadonlyMap<Hex, Receipt>): Receipt | undefined =>
  attempts.map(({ hash }) => receipts.get(hash)).find((receipt) => receipt !== undefined);
