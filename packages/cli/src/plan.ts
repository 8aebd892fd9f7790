import { DurabilityError, type Plan, plan } from '@codex/durability';
import { CliError } from './errors.ts';
import { formatBytes, formatSeconds, table } from './format.ts';
import type { Output } from './output.ts';

export interface PlanOptions {
  readonly size: number;
  readonly duration: number;
  readonly loss: number;
  readonly price: bigint;
  readonly mttf: number;
  readonly mttr: number;
  readonly repairThreshold: number;
  readonly period: number;
  readonly slashes: number;
}

/** What a request must say, cheapest first. Error: USAGE when no code is good enough, or a number is out of range. */
export function showPlan(output: Output, options: PlanOptions): void {
  const { size, price, repairThreshold: repairFrom, ...rest } = options;
  const plans = planned({ ...rest, repairFrom, sizeBytes: size, pricePerBytePerSecond: price });
  const json = plans.map((one) => ({
    ...one,
    proofProbability: String(one.proofProbability),
    price: String(one.price),
  }));
  output.result(json, () => [
    ...table([
      ['nodes', 'tolerance', 'proof-probability', 'proof every', 'loss', 'stored', 'of size', 'proofs', 'tokens'],
      ...plans.map((one) => [
        `${one.nodes}`,
        `${one.parity}`,
        `${one.proofProbability}`,
        formatSeconds(one.proofInterval),
        one.loss.toExponential(1),
        formatBytes(one.storedBytes),
        `${(one.storedBytes / size).toFixed(2)}×`,
        one.proofs.toFixed(0),
        `${one.price}`,
      ]),
    ]),
    '',
    'Any nodes − tolerance slots restore the dataset. Assumed: hosts fail independently of each other.',
  ]);
}

/** Plans, cheapest first. Error: USAGE. */
export function planned(input: Parameters<typeof plan>[0]): Plan[] {
  try {
    return plan(input);
  } catch (error) {
    if (!(error instanceof DurabilityError)) throw error;
    throw new CliError('USAGE', error.message, error.data, { cause: error });
  }
}
