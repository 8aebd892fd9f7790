import { type TSchema, Type } from 'typebox';
import { error, json, type OperationDoc, text } from './operation-doc.ts';

/** The JSON bodies of the marketplace's routes (06 §4). */

const Id = Type.String({ pattern: '^0x[0-9a-f]{64}$' });
const Amount = Type.String({ pattern: '^[0-9]+$', description: 'Smallest units of the token' });
const Size = Type.Integer({ minimum: 0 });
const Seconds = Type.Integer({ minimum: 0, description: 'Seconds' });
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const AmountIn = Type.Union([Type.String(), Type.Integer({ minimum: 0 })], {
  description: 'Decimal, or behind 0x, 0o or 0b',
});
const CountIn = Type.Union([Type.String(), Type.Integer({ minimum: 0 })]);

export const StorageRequest = Type.Object(
  {
    client: Type.String({ pattern: '^0x[0-9a-f]{40}$' }),
    ask: Type.Object(
      {
        proofProbability: Type.String({ description: 'Mean periods between two required proofs' }),
        pricePerBytePerSecond: Amount,
        collateralPerByte: Amount,
        slots: Size,
        slotSize: Size,
        duration: Seconds,
        maxSlotLoss: Size,
      },
      { additionalProperties: false },
    ),
    content: Type.Object({ cid: Type.String() }, { additionalProperties: false }),
    expiry: Type.Integer({ minimum: 0, description: 'Seconds after it was stored' }),
    nonce: Id,
    id: Id,
  },
  { additionalProperties: false },
);

export const Reservation = Type.Object(
  {
    id: Id,
    availabilityId: Id,
    size: Type.Integer({ minimum: 0, description: 'Bytes that are set aside and not stored yet' }),
    requestId: Id,
    slotIndex: Size,
    validUntil: Type.Integer({ description: 'Unix seconds' }),
  },
  { additionalProperties: false },
);

const Slot = Type.Object({ request: StorageRequest, slotIndex: Size, id: Id }, { additionalProperties: false });
export const SlotList = Type.Array(Slot);

export const Sale = Type.Object(
  {
    state: Type.String({ pattern: '^Sale[A-Z]' }),
    requestId: Id,
    slotIndex: Size,
    request: nullable(StorageRequest),
    reservation: nullable(Reservation),
  },
  { additionalProperties: false },
);

export const Availability = Type.Object(
  {
    id: Id,
    totalSize: Size,
    freeSize: Size,
    duration: Type.Integer({ minimum: 0, description: 'Seconds of the longest request that is taken' }),
    minPricePerBytePerSecond: Amount,
    totalCollateral: Amount,
    totalRemainingCollateral: Amount,
    enabled: Type.Boolean(),
    until: Type.Integer({ description: 'Unix seconds that no slot may outlast; 0 = no limit' }),
  },
  { additionalProperties: false },
);

const AvailabilityInput = Type.Object({
  totalSize: CountIn,
  duration: CountIn,
  minPricePerBytePerSecond: AmountIn,
  totalCollateral: AmountIn,
  enabled: Type.Optional(Type.Boolean()),
  until: Type.Optional(Type.Integer()),
});

const REQUEST = {
  duration: CountIn,
  proofProbability: AmountIn,
  pricePerBytePerSecond: AmountIn,
  collateralPerByte: AmountIn,
  expiry: CountIn,
  nodes: Type.Optional(Type.Integer({ description: 'Slots in all; default 3' })),
  tolerance: Type.Optional(Type.Integer({ description: 'Slots of them that may be lost; default 1' })),
};

export const Quote = Type.Object(
  { slots: Size, slotSize: Size, price: Amount, collateralPerSlot: Amount, balance: Amount },
  { additionalProperties: false },
);

export const Purchase = Type.Object(
  {
    requestId: Id,
    request: nullable(StorageRequest),
    state: Type.String(),
    error: nullable(Type.String()),
    expiresAt: Type.Optional(nullable(Type.Integer({ description: 'Unix seconds (ours)' }))),
    endsAt: Type.Optional(nullable(Type.Integer({ description: 'Unix seconds (ours)' }))),
    filledSlots: Type.Optional(nullable(Type.Integer({ description: 'Slots that hosts have by now (ours)' }))),
  },
  { additionalProperties: false },
);

const OFF = error('Persistence is not enabled, or the chain was not reached');
const BAD_ID = error('The id cannot be parsed');
const UNKNOWN = error('Availability not found');

type Doc = Omit<OperationDoc, 'tag'>;

const DOCS: Readonly<Record<string, Doc>> = {
  listSlots: { summary: 'Slots that this node hosts', answers: { 200: json('The list', SlotList), 503: OFF } },
  getSlot: {
    summary: 'One hosted slot',
    answers: { 200: json('The slot', Sale), 400: BAD_ID, 404: error('Provider not filling slot'), 503: OFF },
  },
  listAvailabilities: {
    summary: 'Storage for sale',
    answers: { 200: json('The list', Type.Array(Availability)), 503: OFF },
  },
  createAvailability: {
    summary: 'Offers storage',
    body: 'application/json',
    bodySchema: AvailabilityInput,
    answers: {
      201: json('The offer', Availability),
      400: error('The body cannot be parsed'),
      422: error('Something is zero, or there is not enough quota'),
      503: OFF,
    },
  },
  updateAvailability: {
    summary: 'Changes an offer',
    body: 'application/json',
    bodySchema: Type.Partial(AvailabilityInput),
    answers: {
      204: { description: 'Changed' },
      400: error('The id or the body cannot be parsed'),
      404: UNKNOWN,
      422: error('The offer cannot be so'),
      503: OFF,
    },
  },
  listReservations: {
    summary: 'Reservations of an offer',
    answers: { 200: json('The list', Type.Array(Reservation)), 400: BAD_ID, 404: UNKNOWN, 503: OFF },
  },
  requestStorage: {
    summary: 'Protects a file and requests storage for it',
    headers: Type.Object({
      'Idempotency-Key': Type.Optional(
        Type.String({ description: 'Two requests with one key are one purchase (ours)' }),
      ),
    }),
    body: 'application/json',
    bodySchema: Type.Object(REQUEST),
    answers: {
      200: text('Id of the purchase, without 0x'),
      400: error('The CID or the body cannot be parsed'),
      402: error('The account has too few tokens'),
      404: error('No manifest, or the file is not to be had'),
      409: error('The key belongs to a purchase on other terms'),
      422: error('Nobody can buy on such terms'),
      503: OFF,
    },
  },
  quoteStorage: {
    summary: 'What a request would cost; nothing is protected or bought (ours)',
    query: Type.Object(REQUEST),
    answers: {
      200: json('The price', Quote),
      400: error('The CID or a parameter cannot be parsed'),
      404: error('No manifest'),
      422: error('Nobody can buy on such terms'),
      503: OFF,
    },
  },
  listPurchases: { summary: 'Purchases of this node', answers: { 200: json('Their ids', Type.Array(Id)), 503: OFF } },
  getPurchase: {
    summary: 'One purchase',
    answers: { 200: json('The purchase', Purchase), 400: BAD_ID, 404: { description: 'No such purchase' }, 503: OFF },
  },
};

/** By operation id, as the routes name them. */
export const MARKET_OPERATIONS: Readonly<Record<string, OperationDoc>> = Object.fromEntries(
  Object.entries(DOCS).map(([id, doc]) => [id, { tag: 'Marketplace', ...doc }]),
);
