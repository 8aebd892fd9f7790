import { jsonBody } from './api-client.ts';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { formatBytes, formatSeconds, table } from './format.ts';
import {
  AVAILABILITIES,
  type AvailabilityJson,
  invalidAnswer,
  marketList,
  marketText,
  type ReservationJson,
} from './market-api.ts';
import { pairs } from './output.ts';

export interface SellOptions {
  readonly size: number;
  /** For a byte and second, at least. */
  readonly price: bigint;
  /** Of the longest request, seconds. */
  readonly duration: number;
  /** Tokens that may be put down, for all slots together. */
  readonly collateral: bigint;
  /** Unix seconds. */
  readonly until?: number;
}

export interface AvailabilityOptions extends Partial<SellOptions> {
  readonly enable?: boolean;
  readonly disable?: boolean;
}

const onePath = (id: string) => `${AVAILABILITIES}/${encodeURIComponent(id)}`;
const bare = (id: string) => id.toLowerCase().replace(/^0x/, '');

/** Offers space, and prints the id of the availability. */
export async function sell(context: Context, options: SellOptions): Promise<void> {
  const text = await send(context, 'POST', AVAILABILITIES, changes(options));
  let made: Partial<AvailabilityJson> = {};
  try {
    made = JSON.parse(text);
  } catch {}
  const { id } = made;
  if (typeof id !== 'string') throw invalidAnswer(context, text);
  context.output.result(made, () => [id]);
}

/** Lists what is offered, shows one with the slots that hold some of it, or changes one. Errors: USAGE, NOT_FOUND. */
export async function availability(
  context: Context,
  id: string | undefined,
  options: AvailabilityOptions,
): Promise<void> {
  const change = changes(options);
  if (options.enable && options.disable) throw new CliError('USAGE', '--enable and --disable contradict each other');
  const isChange = Object.keys(change).length > 0;
  if (id === undefined) {
    if (isChange) throw new CliError('USAGE', 'Say the ID of the availability to change');
    return list(context);
  }
  if (isChange) await send(context, 'PATCH', onePath(id), change);
  await show(context, id);
}

function changes(options: AvailabilityOptions): object {
  const { size, price, duration, collateral, until, enable, disable } = options;
  return {
    ...(size !== undefined && { totalSize: size }),
    ...(duration !== undefined && { duration }),
    ...(price !== undefined && { minPricePerBytePerSecond: String(price) }),
    ...(collateral !== undefined && { totalCollateral: String(collateral) }),
    ...(until !== undefined && { until }),
    ...(enable && { enabled: true }),
    ...(disable && { enabled: false }),
  };
}

function send(context: Context, method: string, path: string, body: object): Promise<string> {
  return marketText(context, method, path, jsonBody(JSON.stringify(body)));
}

async function list(context: Context): Promise<void> {
  const all = await marketList<AvailabilityJson>(context, AVAILABILITIES);
  context.output.result(all, () => {
    if (all.length === 0) return [];
    const rows = all.map((one) => [
      one.id,
      formatBytes(one.totalSize),
      formatBytes(one.freeSize),
      formatSeconds(one.duration),
      one.minPricePerBytePerSecond,
      one.totalRemainingCollateral,
      untilText(one.until),
      one.enabled ? 'yes' : 'no',
    ]);
    const head = ['AVAILABILITY', 'SIZE', 'FREE', 'DURATION', 'PRICE', 'COLLATERAL LEFT', 'UNTIL', 'ENABLED'];
    return table([head, ...rows]);
  });
}

async function show(context: Context, id: string): Promise<void> {
  const [all, reservations] = await Promise.all([
    marketList<AvailabilityJson>(context, AVAILABILITIES),
    marketList<ReservationJson>(context, `${onePath(id)}/reservations`),
  ]);
  const one = all.find((other) => bare(other.id) === bare(id));
  if (!one) throw new CliError('NOT_FOUND', 'Availability not found', { id });
  context.output.result({ ...one, reservations }, () => [
    ...pairs({
      availability: one.id,
      size: `${formatBytes(one.totalSize)}, ${formatBytes(one.freeSize)} free`,
      duration: `${formatSeconds(one.duration)} at most`,
      price: `${one.minPricePerBytePerSecond} tokens per byte and second, at least`,
      collateral: `${one.totalCollateral} tokens, ${one.totalRemainingCollateral} left`,
      until: untilText(one.until),
      enabled: one.enabled ? 'yes' : 'no',
    }),
    ...reservations.map(
      ({ requestId, slotIndex, validUntil }) =>
        `reserved for slot ${slotIndex} of ${requestId} until ${untilText(validUntil)}`,
    ),
  ]);
}

const untilText = (seconds: number) => (seconds === 0 ? '-' : new Date(seconds * 1000).toISOString().slice(0, 16));
