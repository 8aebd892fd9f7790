import { slotBytes } from '@codex/durability';
import { CliError } from './errors.ts';
import { formatBytes, formatSeconds } from './format.ts';
import { planned } from './plan.ts';

export interface TermsOptions {
  /** Seconds. */
  readonly duration: number;
  readonly price: bigint;
  readonly collateral: bigint;
  readonly nodes?: number;
  readonly tolerance?: number;
  readonly proofProbability?: bigint;
  /** Seconds after the request is on the chain. */
  readonly expiry?: number;
  /** A chance: the planner says slots and proofs. */
  readonly loss?: number;
  /** Of the contract, seconds; for the planner. */
  readonly period: number;
}

/** What is asked of the node; times in seconds. */
export interface Wish {
  /** Slots in all. */
  readonly nodes: number;
  /** Slots that may be lost. */
  readonly tolerance: number;
  /** Mean periods between two proofs of a slot. */
  readonly proofProbability: bigint;
  readonly duration: number;
  readonly expiry: number;
  readonly pricePerBytePerSecond: bigint;
  readonly collateralPerByte: bigint;
  /** The chance of it that was planned with. */
  readonly loss?: number;
}

export interface Terms extends Wish {
  /** Padded, as it is paid for (11 §2). */
  readonly slotBytes: number;
  /** Of the whole request. */
  readonly price: bigint;
  readonly collateralPerSlot: bigint;
  /** Tokens of the account, when the node tells. */
  readonly balance?: bigint;
}

/** A plain dataset; of a protected one the node alone knows from how much it was made. */
export interface DatasetSize {
  readonly sizeBytes: number;
  readonly blockBytes: number;
}

/** As the reference takes them when a client says nothing (13 §1, §2). */
const DEFAULT_CODE = { nodes: 3, tolerance: 1, proofProbability: 100n };
/** Enough to find hosts, who must fetch and prove before it is over; then the money comes back. */
const DEFAULT_EXPIRY_MAX_SECONDS = 86_400;

/** Error: USAGE. */
export function purchaseWish(options: TermsOptions, size: DatasetSize | undefined): Wish {
  const { duration, price, collateral } = options;
  const { nodes, tolerance, proofProbability, loss } = codeOf(options, size);
  if (nodes <= tolerance) throw new CliError('USAGE', '--tolerance must be smaller than --nodes', { nodes, tolerance });
  return {
    nodes,
    tolerance,
    proofProbability,
    duration,
    expiry: options.expiry ?? Math.max(1, Math.min(DEFAULT_EXPIRY_MAX_SECONDS, Math.floor(duration / 2))),
    pricePerBytePerSecond: price,
    collateralPerByte: collateral,
    ...(loss !== undefined && { loss }),
  };
}

/** Bytes of a slot, as the node will ask hosts for them. */
export function slotBytesOf({ nodes, tolerance }: Wish, { sizeBytes, blockBytes }: DatasetSize): number {
  return slotBytes(sizeBytes, nodes - tolerance, blockBytes);
}

/** What a wish comes to. */
export function purchaseTerms(wish: Wish, slot: number, balance?: bigint): Terms {
  return {
    ...wish,
    slotBytes: slot,
    price: BigInt(wish.nodes) * BigInt(slot) * BigInt(wish.duration) * wish.pricePerBytePerSecond,
    collateralPerSlot: BigInt(slot) * wish.collateralPerByte,
    ...(balance !== undefined && { balance }),
  };
}

function codeOf(options: TermsOptions, size: DatasetSize | undefined) {
  const { nodes, tolerance, proofProbability, loss } = options;
  if (loss === undefined) {
    const said = {
      ...(nodes !== undefined && { nodes }),
      ...(tolerance !== undefined && { tolerance }),
      ...(proofProbability !== undefined && { proofProbability }),
    };
    return { ...DEFAULT_CODE, ...said, loss: undefined };
  }
  if (nodes !== undefined || tolerance !== undefined || proofProbability !== undefined) {
    throw new CliError('USAGE', '--loss says --nodes, --tolerance and --proof-probability by itself');
  }
  if (!size) throw new CliError('USAGE', '--loss needs a dataset that is not protected yet');
  const { sizeBytes } = size;
  const { duration, price, period } = options;
  // The cheapest comes first.
  const [best] = planned({ loss, duration, sizeBytes, period, pricePerBytePerSecond: price });
  if (!best) throw new CliError('USAGE', 'No code is good enough', { loss });
  return {
    nodes: best.nodes,
    tolerance: best.parity,
    proofProbability: best.proofProbability,
    loss: best.loss,
  };
}

/** For people. */
export function termsLines(terms: Terms): Readonly<Record<string, string>> {
  const { nodes, tolerance, slotBytes, duration, expiry, loss, balance } = terms;
  return {
    slots: `${nodes}, of which any ${nodes - tolerance} restore it`,
    'slot size': `${formatBytes(slotBytes)} (${slotBytes} bytes)`,
    duration: formatSeconds(duration),
    expiry: `${formatSeconds(expiry)} for hosts to fill all slots; else the price comes back`,
    proofs: `every ${terms.proofProbability} periods of each slot, on average`,
    ...(loss !== undefined && { loss: `${loss.toExponential(1)}, if hosts fail independently of each other` }),
    collateral: `${terms.collateralPerSlot} tokens of the host for each slot`,
    price: `${terms.price} tokens`,
    ...(balance !== undefined && {
      balance: `${balance} tokens${balance < terms.price ? ', which is not enough' : ''}`,
    }),
  };
}

/** As JSON, where amounts are decimal strings. */
export function termsJson(terms: Terms): object {
  return Object.fromEntries(
    Object.entries(terms).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  );
}
