import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { formatBytes, formatSeconds, printable, table } from './format.ts';
import { marketEach, marketJson, marketList, type RequestJson, unlessMissing } from './market-api.ts';
import { pairs } from './output.ts';
import { Progress } from './progress.ts';

/** A purchase as the REST API shows it (13 §1). */
interface PurchaseJson {
  readonly requestId: string;
  /** null until the node has read it from the chain. */
  readonly request: RequestJson | null;
  readonly state: string;
  readonly error: string | null;
  // Unknown, or over: null; other nodes do not say.
  readonly expiresAt?: number | null;
  readonly endsAt?: number | null;
  readonly filledSlots?: number | null;
}

/** States change with blocks, which come in seconds. */
const POLL_MS = 1000;
/** A node that starts again is given so long; the purchase goes on meanwhile. */
const SILENCE_MAX_POLLS = 60;

const FAILURES: Readonly<Record<string, string>> = {
  cancelled: 'not all slots were filled before its expiry; the price comes back',
  failed: 'too many slots were lost',
  errored: 'the node gave it up',
};

const purchasePath = (id: string) => `/storage/purchases/${encodeURIComponent(id)}`;

/** Every purchase that the node knows, or one; with `wait`, when it has started. Errors: NOT_FOUND, those of `followPurchase`. */
export async function purchases(
  context: Context,
  id: string | undefined,
  options: { readonly wait?: boolean },
): Promise<void> {
  if (id !== undefined) {
    const one = options.wait ? await followPurchase(context, id) : await look(context, id);
    return context.output.result(one, () => details(one));
  }
  if (options.wait) throw new CliError('USAGE', '--wait needs the ID of a purchase');
  const ids = await marketList<string>(context, '/storage/purchases');
  const all = await marketEach(ids, (each) => look(context, each));
  context.output.result(all, () => {
    if (all.length === 0) return [];
    const rows = all.map(({ requestId, state, request }) =>
      request
        ? [
            requestId,
            printable(state),
            String(request.ask.slots),
            formatSeconds(request.ask.duration),
            formatSeconds(request.expiry),
            priceOf(request),
            printable(request.content.cid),
          ]
        : [requestId, printable(state), '-', '-', '-', '-', '-'],
    );
    return table([['PURCHASE', 'STATE', 'SLOTS', 'DURATION', 'EXPIRY', 'PRICE', 'CID'], ...rows]);
  });
}

/** Errors: NOT_FOUND, those of `marketJson`. */
async function look(context: Context, id: string): Promise<PurchaseJson> {
  const purchase = await marketJson<PurchaseJson>(context, purchasePath(id)).catch(unlessMissing);
  if (!purchase) throw new CliError('NOT_FOUND', `The node knows no purchase ${id}`, { id });
  return purchase;
}

function details({ requestId, state, request, error, filledSlots, endsAt }: PurchaseJson): string[] {
  return pairs({
    purchase: requestId,
    state: printable(state),
    ...(error && { error: printable(error) }),
    ...(request && {
      cid: printable(request.content.cid),
      slots: `${request.ask.slots}, of which ${request.ask.maxSlotLoss} may be lost`,
      ...(typeof filledSlots === 'number' && { filled: `${filledSlots} slots` }),
      ...(typeof endsAt === 'number' && { end: new Date(endsAt * 1000).toISOString() }),
      'slot size': formatBytes(request.ask.slotSize),
      duration: formatSeconds(request.ask.duration),
      expiry: formatSeconds(request.expiry),
      proofs: `every ${request.ask.proofProbability} periods of each slot, on average`,
      collateral: `${request.ask.collateralPerByte} tokens per byte`,
      price: `${priceOf(request)} tokens`,
    }),
  });
}

function priceOf({ ask }: RequestJson): string {
  return String(BigInt(ask.slots) * BigInt(ask.slotSize) * BigInt(ask.duration) * BigInt(ask.pricePerBytePerSecond));
}

/**
 * Resolves when all slots are filled. The node may be away for a minute meanwhile. Errors: PURCHASE_FAILED, and those of
 * the question.
 */
export async function followPurchase(context: Context, id: string): Promise<PurchaseJson> {
  const begun = performance.now();
  const progress = new Progress({ label: 'purchase', counted: false, quiet: context.quiet });
  try {
    for (let silent = 0; ; ) {
      const purchase = await look(context, id).catch((error: unknown) => {
        if (!isPassing(error) || ++silent > SILENCE_MAX_POLLS) throw error;
      });
      if (purchase) {
        silent = 0;
        const { state, request, filledSlots } = purchase;
        if (state === 'started' || state === 'finished') return purchase;
        if (state in FAILURES) {
          const reason = purchase.error ?? FAILURES[state];
          throw new CliError('PURCHASE_FAILED', `The purchase is ${state}: ${reason}`, { id, state });
        }
        const limit = request ? ` of ${formatSeconds(request.expiry)}` : '';
        const passed = formatSeconds((performance.now() - begun) / 1000);
        const filled =
          request && typeof filledSlots === 'number' ? `, ${filledSlots} of ${request.ask.slots} slots` : '';
        progress.note(`${printable(state)} ${passed}${limit}${filled}`);
      }
      await sleep(POLL_MS, undefined, { signal: context.signal });
    }
  } finally {
    progress.end();
  }
}

/** What a node that starts again answers, or does not. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof CliError)) return false;
  return ['NODE_UNREACHABLE', 'TRANSFER_INCOMPLETE'].includes(error.code) || error.data.status === 503;
}
