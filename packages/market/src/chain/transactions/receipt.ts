import { isHex } from '../blocks/header.ts';
import type { Hex } from '../marketplace.ts';

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
export function parseReceipt(value: unknown): Receipt | undefined {
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
