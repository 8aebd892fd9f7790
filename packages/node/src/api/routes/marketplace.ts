import { parseCid } from '@codex/content';
import type { AvailabilityTerms } from '@codex/market';
import type { NodeMarket } from '../../market/index.ts';
import type { Call, Route } from '../call.ts';
import type { ApiContext } from '../context.ts';
import { readJson } from '../json-body.ts';
import { HttpError, JSON_TYPE, respond, respondJson, respondText } from '../respond.ts';
import { type JsonObject, readAmount, readBoolean, readTime, readU64 } from './market-input.ts';

type Handle = (market: NodeMarket, call: Call) => Promise<void> | void;

/** The routes of 06 §4. Without persistence each answers 503, before any look at path or body. */
export function marketplaceRoutes(context: ApiContext): Route[] {
  const route = (method: Route['method'], path: string, doc: string, handle: Handle): Route => ({
    ...{ method, path, doc },
    handle: (call) => handle(enabled(context), call),
  });
  return [
    route('GET', '/sales/slots', 'listSlots', async (market, { res }) => respondJson(res, await market.slots())),
    route('GET', '/sales/slots/:slotId', 'getSlot', (market, { params, res }) => {
      const sale = market.sale(readId(params.slotId));
      if (!sale) throw new HttpError(404, 'Provider not filling slot');
      respondJson(res, sale);
    }),
    route('GET', '/sales/availability', 'listAvailabilities', (market, { res }) =>
      respondJson(res, market.availabilities()),
    ),
    route('POST', '/sales/availability', 'createAvailability', async (market, call) => {
      const made = await market.offer(readOffer(await readJson(context, call)));
      respond(call.res, 201, JSON_TYPE, JSON.stringify(made));
    }),
    route('PATCH', '/sales/availability/:id', 'updateAvailability', async (market, call) => {
      const id = readId(call.params.id);
      const changes = readChanges(await readJson(context, call));
      knownAvailability(market, id);
      if (changes === 'freeSize') throw new HttpError(422, 'Updating freeSize is not allowed');
      await market.change(id, changes);
      respond(call.res, 204);
    }),
    route('GET', '/sales/availability/:id/reservations', 'listReservations', (market, { params, res }) => {
      const id = readId(params.id);
      knownAvailability(market, id);
      respondJson(res, market.reservationsOf(id));
    }),
    route('POST', '/storage/request/:cid', 'requestStorage', (market, call) => buy(context, market, call)),
    route('GET', '/storage/request/:cid', 'quoteStorage', async (market, { params, query, res, signal }) => {
      const cid = parseCid(params.cid ?? '');
      respondJson(res, await market.quote(cid, readWish(Object.fromEntries(query)), { signal }));
    }),
    route('GET', '/storage/purchases', 'listPurchases', (market, { res }) => respondJson(res, market.purchases())),
    route('GET', '/storage/purchases/:id', 'getPurchase', (market, { params, res }) => {
      const purchase = market.purchase(readId(params.id));
      // Without a body, as in the reference (18, 11).
      if (!purchase) return respond(res, 404);
      respondJson(res, purchase);
    }),
  ];
}

function enabled({ market }: ApiContext): NodeMarket {
  if (!market) throw new HttpError(503, 'Persistence is not enabled');
  if (!market.live) throw new HttpError(503, 'The chain was not reached yet');
  return market.live;
}

/** Answers with the id as soon as the purchase is in the journal; protecting the file comes before and may take long. */
async function buy(context: ApiContext, market: NodeMarket, call: Call): Promise<void> {
  const cid = parseCid(call.params.cid ?? '');
  const wish = readWish(await readJson(context, call));
  const key = call.req.headers['idempotency-key'];
  if (Array.isArray(key)) throw new HttpError(400, 'More than one Idempotency-Key');
  respondText(call.res, await market.buy(cid, wish, { signal: call.signal, key }));
}

function knownAvailability(market: NodeMarket, id: string): void {
  if (!market.hasAvailability(id)) throw new HttpError(404, 'Availability not found');
}

/** 64 digits in lower case, with or without 0x before them. */
function readId(text = ''): string {
  const digits = text.replace(/^0x/i, '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new HttpError(400, 'An id has 64 hex digits');
  return digits;
}

function readWish(input: JsonObject) {
  return {
    duration: BigInt(readU64(input, 'duration')),
    proofProbability: readAmount(input, 'proofProbability'),
    pricePerBytePerSecond: readAmount(input, 'pricePerBytePerSecond'),
    collateralPerByte: readAmount(input, 'collateralPerByte'),
    expiry: BigInt(readU64(input, 'expiry')),
    nodes: readU64(input, 'nodes', 3),
    tolerance: readU64(input, 'tolerance', 1),
  };
}

function readOffer(input: JsonObject): AvailabilityTerms {
  return {
    totalSize: readU64(input, 'totalSize'),
    duration: readU64(input, 'duration'),
    minPricePerBytePerSecond: readAmount(input, 'minPricePerBytePerSecond'),
    totalCollateral: readAmount(input, 'totalCollateral'),
    enabled: readBoolean(input, 'enabled', true),
    until: readTime(input, 'until'),
  };
}

/** What is there of an offer. */
function readChanges(input: JsonObject): Partial<AvailabilityTerms> | 'freeSize' {
  const has = (key: string) => input[key] !== undefined && input[key] !== null && input[key] !== '';
  const changes = {
    ...(has('totalSize') && { totalSize: readU64(input, 'totalSize') }),
    ...(has('duration') && { duration: readU64(input, 'duration') }),
    ...(has('minPricePerBytePerSecond') && { minPricePerBytePerSecond: readAmount(input, 'minPricePerBytePerSecond') }),
    ...(has('totalCollateral') && { totalCollateral: readAmount(input, 'totalCollateral') }),
    ...(has('enabled') && { enabled: readBoolean(input, 'enabled', true) }),
    ...(has('until') && { until: readTime(input, 'until') }),
  };
  return has('freeSize') ? 'freeSize' : changes;
}
