import { type RequestInit, refusal } from './api-client.ts';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';

/** A request on the chain, as the REST API shows it (13 §1): amounts are decimal strings. */
export interface RequestJson {
  readonly ask: {
    readonly pricePerBytePerSecond: string;
    readonly collateralPerByte: string;
    readonly proofProbability: string;
    readonly slots: number;
    readonly slotSize: number;
    readonly duration: number;
    readonly maxSlotLoss: number;
  };
  readonly content: { readonly cid: string };
  readonly expiry: number;
  readonly id: string;
}

export interface AvailabilityJson {
  readonly id: string;
  readonly totalSize: number;
  readonly freeSize: number;
  readonly duration: number;
  readonly minPricePerBytePerSecond: string;
  readonly totalCollateral: string;
  readonly totalRemainingCollateral: string;
  readonly enabled: boolean;
  /** Unix seconds; 0: no limit. */
  readonly until: number;
}

export interface ReservationJson {
  readonly id: string;
  readonly requestId: string;
  readonly slotIndex: number;
  readonly size: number;
  readonly validUntil: number;
}

export const AVAILABILITIES = '/sales/availability';

const UNAVAILABLE = 503;
const DISABLED_TEXT = 'Persistence is not enabled';
/** Questions to the node at the same time: each is a connection. */
const QUESTIONS_AT_ONCE = 8;

/** Asks a route of the marketplace for text. Errors: those of ApiClient.text; of a node without a marketplace with a hint. */
export async function marketText(
  { api }: Context,
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<string> {
  try {
    return await api.text(method, path, init);
  } catch (error) {
    if (!(error instanceof CliError) || error.data.status !== UNAVAILABLE || !error.message.includes(DISABLED_TEXT)) {
      throw error;
    }
    const hint =
      'start it with `codex persistence --eth-provider=URL --eth-private-key=FILE`, and look at its log when it was';
    throw refusal(UNAVAILABLE, `${error.message}: ${api.origin} takes no part in the marketplace; ${hint}`, api.origin);
  }
}

export async function marketJson<T extends object>(context: Context, path: string): Promise<T> {
  const text = await marketText(context, 'GET', path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {}
  if (typeof value !== 'object' || value === null) throw invalidAnswer(context, text);
  return value as T;
}

export async function marketList<T>(context: Context, path: string): Promise<readonly T[]> {
  const list = await marketJson<readonly T[]>(context, path);
  if (!Array.isArray(list)) throw invalidAnswer(context, JSON.stringify(list));
  return list;
}

/** One question for each item, a few at a time; what the node does not know is left out. */
export async function marketEach<I, T>(items: readonly I[], ask: (item: I) => Promise<T>): Promise<readonly T[]> {
  const answers: T[] = [];
  for (let i = 0; i < items.length; i += QUESTIONS_AT_ONCE) {
    const some = await Promise.all(items.slice(i, i + QUESTIONS_AT_ONCE).map((item) => ask(item).catch(unlessMissing)));
    for (const answer of some) if (answer !== undefined) answers.push(answer);
  }
  return answers;
}

/** What is listed may be gone when it is looked at: nothing then. */
export function unlessMissing(error: unknown): undefined {
  if (!(error instanceof CliError && error.code === 'NOT_FOUND')) throw error;
}

export function invalidAnswer({ api }: Context, text: string): CliError {
  return new CliError('ANSWER_INVALID', `${api.origin} does not answer like a Codex node`, {
    text: text.slice(0, 200),
  });
}
