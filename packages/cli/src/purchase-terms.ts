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

/** What is bought; sizes in bytes, times in seconds. */
export interface Terms {
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
  /** Padded, as it is paid for (11 §2). */
  readonly slotBytes: number;
  /** Of the whole request. */
  readonly price: bigint;
  readonly collateralPerSlot: bigint;
  /** The chance of it that was planned with. */
  readonly loss?: number;
}

/** As the reference takes them when a client says nothing (13 §1, §2). */
const DEFAULT_CODE = { nodes: 3, tolerance: 1, proofProbability: 100n };
/** Enough to find hosts, who must fetch and prove before it is over; then the money comes back. */
const DEFAULT_EXPIRY_MAX_SECONDS = 86_400;

/** What a purchase of a plain dataset comes to. Error: USAGE. */
export function purchaseTerms(
  options: TermsOptions,
  dataset: { readonly sizeBytes: number; readonly blockBytes: number },
): Terms {
  const { duration, price, collateral } = options;
  const { nodes, tolerance, proofProbability, loss } = codeOf(options, dataset.sizeBytes);
  const data = nodes - tolerance;
  if (data < 1) throw new CliError('USAGE', '--tolerance must be smaller than --nodes', { nodes, tolerance });
  const slot = slotBytes(dataset.sizeBytes, data, dataset.blockBytes);
  return {
    nodes,
    tolerance,
    proofProbability,
    duration,
    expiry: options.expiry ?? Math.max(1, Math.min(DEFAULT_EXPIRY_MAX_SECONDS, Math.floor(duration / 2))),
    pricePerBytePerSecond: price,
    collateralPerByte: collateral,
    slotBytes: slot,
    price: BigInt(nodes) * BigInt(slot) * BigInt(duration) * price,
    collateralPerSlot: BigInt(slot) * collateral,
    ...(loss !== undefined && { loss }),
  };
}

function codeOf(options: TermsOptions, sizeBytes: number) {
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
  const { nodes, tolerance, slotBytes, duration, expiry, loss } = terms;
  return {
    slots: `${nodes}, of which any ${nodes - tolerance} restore it`,
    'slot size': `${formatBytes(slotBytes)} (${slotBytes} bytes)`,
    duration: formatSeconds(duration),
    expiry: `${formatSeconds(expiry)} for hosts to fill all slots; else the price comes back`,
    proofs: `every ${terms.proofProbability} periods of each slot, on average`,
    ...(loss !== undefined && { loss: `${loss.toExponential(1)}, if hosts fail independently of each other` }),
    collateral: `${terms.collateralPerSlot} tokens of the host for each slot`,
    price: `${terms.price} tokens`,
  };
}

/** As JSON, where amounts are decimal strings. */
export function termsJson(terms: Terms): object {
  return Object.fromEntries(
    Object.entries(terms).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  );
}
