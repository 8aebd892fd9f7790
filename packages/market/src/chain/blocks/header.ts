import type { Hex } from '../marketplace.ts';

/** What is used of a block. */
export interface Header {
  readonly number: bigint;
  readonly hash: Hex;
  readonly parentHash: Hex;
  /** Seconds since 1970. */
  readonly timestamp: bigint;
  /** 256 bytes; absent where the chain has none. */
  readonly logsBloom: Hex | undefined;
  /** Absent before EIP-1559. */
  readonly baseFeePerGas: bigint | undefined;
  readonly gasLimit: bigint;
}

/** Undefined: the back end has no such block, or it is not in the chain yet. */
export function parseHeader(value: unknown): Header | undefined {
  const raw = (value ?? {}) as Record<string, unknown>;
  const { number, hash, parentHash, timestamp, logsBloom, baseFeePerGas, gasLimit } = raw;
  if (!isHex(number) || !isHex(hash) || !isHex(parentHash) || !isHex(timestamp)) return undefined;
  return {
    number: BigInt(number),
    hash: hash.toLowerCase() as Hex,
    parentHash: parentHash.toLowerCase() as Hex,
    timestamp: BigInt(timestamp),
    logsBloom: isHex(logsBloom) && logsBloom.length === 514 ? logsBloom : undefined,
    baseFeePerGas: isHex(baseFeePerGas) ? BigInt(baseFeePerGas) : undefined,
    gasLimit: isHex(gasLimit) ? BigInt(gasLimit) : 30_000_000n,
  };
}

export const isHex = (value: unknown): value is Hex => typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value);

export const toQuantity = (value: bigint | number): Hex => `0x${value.toString(16)}`;
