import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonBody } from './api-client.ts';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { formatBytes, formatSeconds, printable } from './format.ts';
import { invalidAnswer, marketJson, marketText, unlessMissing } from './market-api.ts';
import { pairs } from './output.ts';
import { Progress } from './progress.ts';
import {
  purchaseTerms,
  purchaseWish,
  slotBytesOf,
  type TermsOptions,
  termsJson,
  termsLines,
  type Wish,
} from './purchase-terms.ts';
import { followPurchase } from './purchases.ts';
import { dataPath, type ManifestJson } from './verbs.ts';

export interface BuyOptions extends TermsOptions {
  /** No question. */
  readonly yes?: boolean;
  /** Until it has started. */
  readonly wait?: boolean;
  /** Only the terms. */
  readonly dryRun?: boolean;
  /** Two commands with the same key buy once. */
  readonly key?: string;
}

/** Encoding and hashing a large dataset come before the answer, without a word. */
const PREPARATION_TIMEOUT_MS = 6 * 3_600_000;
/** With the same key another attempt buys nothing twice. */
const ATTEMPTS = 3;
const RETRY_MS = 1000;

/**
 * Buys storage of a dataset that the node holds, and prints the id of the purchase. Errors: USAGE, INTERRUPTED for a no,
 * REQUEST_REFUSED, TRANSFER_INCOMPLETE, and with `wait` those of `followPurchase`.
 */
export async function buy(context: Context, cid: string, options: BuyOptions): Promise<void> {
  const { output, quiet } = context;
  const { manifest } = (await context.api.json('GET', `${dataPath(cid)}/network/manifest`)) as {
    manifest?: ManifestJson;
  };
  const { datasetSize, blockSize } = manifest ?? {};
  if (!datasetSize || !blockSize) throw invalidAnswer(context, JSON.stringify(manifest ?? null));
  const size = manifest?.protected ? undefined : { sizeBytes: datasetSize, blockBytes: blockSize };
  const wish = purchaseWish(options, size);
  const quote = await quoteOf(context, cid, wish, options);
  const slotBytes = quote?.slotSize ?? (size && slotBytesOf(wish, size));
  if (slotBytes === undefined) {
    throw new CliError('USAGE', `${cid} is protected already: name the file that it was made from`, { cid });
  }
  const terms = purchaseTerms(wish, slotBytes, quote && BigInt(quote.balance));
  const preview = () =>
    pairs({ dataset: `${formatBytes(datasetSize)}  ${printable(manifest?.filename ?? cid)}`, ...termsLines(terms) });
  if (options.dryRun) return output.result({ cid, ...termsJson(terms) }, preview);
  const asks = !options.yes && process.stdin.isTTY && process.stderr.isTTY;
  if (asks || !(quiet || output.json)) process.stderr.write(`${preview().join('\n')}\n`);
  if (asks) {
    const { signal } = context;
    if (!(await confirm('Buy?', { input: process.stdin, output: process.stderr, signal }))) {
      throw new CliError('INTERRUPTED', 'Nothing was bought');
    }
  }
  const key = options.key ?? randomUUID();
  const id = await order(context, cid, terms, key);
  output.result({ id, cid, key, ...termsJson(terms) }, () => [id]);
  if (!options.wait) return;
  const purchase = await followPurchase(context, id);
  // The text has the id already.
  if (output.json) output.result(purchase, () => []);
}

/** What the node says of it, before it encodes anything. Undefined when it does not tell prices, as the reference. */
async function quoteOf(
  context: Context,
  cid: string,
  wish: Wish,
  { dryRun }: BuyOptions,
): Promise<{ readonly slotSize: number; readonly balance: string } | undefined> {
  const query = new URLSearchParams(
    Object.entries(wishJson(wish)).map(([name, value]): [string, string] => [name, String(value)]),
  );
  try {
    return await marketJson(context, `${orderPath(cid)}?${query}`);
  } catch (error) {
    // Who only asks for the price gets one, also where nobody sells.
    if (dryRun && error instanceof CliError && error.data.status === 503) return undefined;
    return unlessMissing(error);
  }
}

/** The fields of 13 §1. */
const wishJson = (wish: Wish) => ({
  duration: wish.duration,
  proofProbability: String(wish.proofProbability),
  pricePerBytePerSecond: String(wish.pricePerBytePerSecond),
  collateralPerByte: String(wish.collateralPerByte),
  expiry: wish.expiry,
  nodes: wish.nodes,
  tolerance: wish.tolerance,
});

const orderPath = (cid: string) => `/storage/request/${encodeURIComponent(cid)}`;

async function order(context: Context, cid: string, wish: Wish, key: string): Promise<string> {
  const body = JSON.stringify(wishJson(wish));
  const begun = performance.now();
  const progress = new Progress({ label: 'preparing', counted: false, quiet: context.quiet });
  const timer = setInterval(() => progress.note(formatSeconds((performance.now() - begun) / 1000)), RETRY_MS);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return idOf(context, await sendOrder(context, cid, body, key));
      } catch (error) {
        if (!mayHaveBought(error)) throw error;
        const { message, data } = error;
        const hint = `the same command with --key ${key} goes on and buys once`;
        if (attempt === ATTEMPTS) throw new CliError(error.code, `${message}; ${hint}`, { ...data, key });
      }
      await sleep(RETRY_MS, undefined, { signal: context.signal });
    }
  } finally {
    clearInterval(timer);
    progress.end();
  }
}

function sendOrder(context: Context, cid: string, body: string, key: string): Promise<string> {
  return marketText(context, 'POST', orderPath(cid), {
    ...jsonBody(body, { 'idempotency-key': key }),
    idleTimeoutMs: PREPARATION_TIMEOUT_MS,
  });
}

/** The answer is missing: nobody knows whether the purchase is on its way. */
function mayHaveBought(error: unknown): error is CliError {
  const codes = ['TRANSFER_INCOMPLETE', 'NODE_TIMEOUT', 'NODE_UNREACHABLE'];
  return error instanceof CliError && codes.includes(error.code);
}

/** Nodes say it without the 0x that they list it with (13 §1). */
function idOf(context: Context, text: string): string {
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text.trim())?.[1];
  if (!digits) throw invalidAnswer(context, text);
  return `0x${digits.toLowerCase()}`;
}
