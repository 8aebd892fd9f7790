import { readFile } from 'node:fs/promises';
import { type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Availability, Purchase, Reservation, Sale, SlotList } from '../../../src/api/market-schemas.ts';
import type { Answer } from './market-net.ts';

/** A request to a reference node, and its answer. */
export interface Exchange {
  readonly label: string;
  readonly node: string;
  readonly method: string;
  readonly path: string;
  readonly body: object | string | null;
  readonly status: number;
  readonly response: string;
}

const file = new URL('../vectors/market_rest.json', import.meta.url);
const all = JSON.parse(await readFile(file, 'utf8')).rest as (Exchange | { readonly node?: undefined })[];

/** The recorded life of one request, in its order. */
export const RECORDED = all.filter((one): one is Exchange => one.node !== undefined);

const hostsBegin = RECORDED.findIndex(({ label }) => label === 'purchase state submitted') + 2;
const isOneNode = ({ node }: Exchange) => node === 'host1' || node === 'client';

/** What can be asked of one node that plays client and first host. */
export const BEFORE_HOSTS = RECORDED.slice(0, hostsBegin).filter(isOneNode);
/** What takes hosts that prove. */
export const WITH_HOSTS = RECORDED.filter((one) => !BEFORE_HOSTS.includes(one));

interface Deviation {
  readonly labels: RegExp;
  /** What the reference answers, and what we do. */
  readonly theirs: string;
  readonly ours: string;
}

/** Where our answers differ from the recorded ones in more than ids and times; status and shape are the same there, too. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    labels: /bad json|no body/,
    theirs: 'place and words of its parser: `input(1, 13) Error: { expected`',
    ours: 'the words of ours; 400 all the same',
  },
  { labels: /bad id/, theirs: '`hex string too short`', ours: '`An id has 64 hex digits`' },
  {
    labels: /^host\d slot state SaleProving$/,
    theirs: '`size` of the reservation as it was when the sale began',
    ours: 'as it is: bytes that are set aside and not stored yet',
  },
  {
    labels: /^host2 (slots|availability|reservations)$/,
    theirs: 'one host fills two slots of a request',
    ours: 'one each: the end of a host is one loss',
  },
  {
    labels: /^host4 (slots|availability|reservations)$/,
    theirs: 'a sale that failed gives back its space and its collateral in two steps, and loses the collateral',
    ours: 'in one; the collateral comes back from the contract, since this host did nothing wrong',
  },
  {
    labels: /final (availability|space)$/,
    theirs: 'collateral of lost races stays away, blocks of slots stay on the disk until their time is over',
    ours: 'both come back when a sale ends',
  },
];

export const deviates = ({ label }: Exchange): boolean => DEVIATIONS.some(({ labels }) => labels.test(label));

const SHAPES: readonly (readonly [RegExp, TSchema])[] = [
  [/^GET \/sales\/slots$/, SlotList],
  [/^GET \/sales\/slots\/0x\w+$/, Sale],
  [/^GET \/sales\/availability$/, Type.Array(Availability)],
  [/^POST \/sales\/availability$/, Availability],
  [/reservations$/, Type.Array(Reservation)],
  [/^GET \/storage\/purchases$/, Type.Array(Type.String())],
  [/^GET \/storage\/purchases\/\w+$/, Purchase],
];

/** Of the answer of a successful exchange. */
export const shapeOf = ({ method, path }: Exchange): TSchema | undefined =>
  SHAPES.find(([pattern]) => pattern.test(`${method} ${path}`))?.[1];

/** What an answer does not have in common with the document of our API. */
export function misshapen(exchange: Exchange, text: string): unknown[] {
  const shape = shapeOf(exchange);
  return shape && exchange.status < 300 ? [...Value.Errors(shape, JSON.parse(text))] : [];
}

/** Ids of the recording, and what stands for them here. */
export class Ids {
  readonly #ours = new Map<string, string>();

  get size(): number {
    return this.#ours.size;
  }

  learn(theirs: string, ours: string): void {
    this.#ours.set(theirs, ours);
  }

  /** A text of the recording with our ids. */
  translate(text: string): string {
    return [...this.#ours].reduce((translated, [theirs, id]) => translated.replaceAll(theirs, id), text);
  }
}

/** Fields that say who asked, when, and how far it is by now. */
const CHANGING = ['client', 'nonce', 'state', 'validUntil'];

/** What we say beyond the reference. */
const BEYOND = ['expiresAt', 'endsAt', 'filledSlots'];

/** An answer without what cannot be the same. Lists are in no order; what we say beyond the reference is left out. */
export function comparable(exchange: Exchange, text: string, changing: readonly string[] = CHANGING): unknown {
  if (exchange.status >= 300 || !shapeOf(exchange)) return text;
  const bare = (value: unknown): unknown => {
    const json = JSON.stringify(value, (key, item) =>
      BEYOND.includes(key) ? undefined : changing.includes(key) ? '' : item,
    );
    return JSON.parse(json) as unknown;
  };
  const value = JSON.parse(text) as unknown;
  if (!Array.isArray(value)) return bare(value);
  return value.map(bare).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** What the reference answered, as we should. */
export const expected = (exchange: Exchange, ids: Ids, changing?: readonly string[]): unknown =>
  comparable(exchange, ids.translate(exchange.response), changing);

/** The id of what an answer is about. */
export const idIn = (text: string): string | undefined => (JSON.parse(text) as { id?: string }).id;

export const describeAnswer = ({ label }: Exchange, { status, text }: Answer): string => `${label}: ${status} ${text}`;
