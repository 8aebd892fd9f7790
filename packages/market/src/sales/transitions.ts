import { stateDiagram, type Transition } from '../machine/transition.ts';

export type SaleState =
  | 'preparing'
  | 'slotReserving'
  | 'downloading'
  | 'initialProving'
  | 'filling'
  | 'filled'
  | 'proving'
  | 'payout'
  | 'finished'
  | 'failed'
  | 'cancelled'
  | 'errored'
  | 'ignored'
  | 'unknown';

type Row = readonly [from: SaleState, to: SaleState, when: string];

/** States before a host has the slot: it can let go without loss. */
const BEFORE: readonly SaleState[] = ['preparing', 'slotReserving', 'downloading', 'initialProving', 'filling'];

const ROWS: readonly Row[] = [
  ['preparing', 'slotReserving', 'there is room, and the manifest is right'],
  ['slotReserving', 'downloading', 'the chain has the reservation'],
  ['downloading', 'initialProving', 'the slot is here'],
  ['initialProving', 'filling', 'the first proof is made'],
  ['filling', 'initialProving', 'the challenge has changed'],
  ['filled', 'proving', 'its data are kept until the end'],
  ['filled', 'unknown', 'the chain does not say that it is ours'],
  ['proving', 'payout', 'the request has ended'],
  ['proving', 'cancelled', 'the request expired'],
  ['proving', 'failed', 'the request failed'],
  ['proving', 'errored', 'the slot was taken away'],
  ['proving', 'initialProving', 'the chain took the filling back'],
  ['payout', 'finished', 'pay and collateral are here'],
  ['failed', 'errored', 'what was due is here'],
  ['unknown', 'preparing', 'only room was held'],
  ['unknown', 'slotReserving', 'it was being reserved'],
  ['unknown', 'filled', 'it is ours'],
  ['unknown', 'payout', 'its request has ended'],
  ['unknown', 'cancelled', 'its request expired'],
  ['unknown', 'failed', 'its request failed'],
  ['unknown', 'finished', 'it is paid'],
  ['unknown', 'ignored', 'it is not ours'],
  ['unknown', 'errored', 'it was taken away'],
  ...BEFORE.map((from): Row => [from, 'filled', 'the chain says that it is ours']),
  ...BEFORE.map((from): Row => [from, 'ignored', 'it is not to be had, or not worth it']),
  ...BEFORE.map((from): Row => [from, 'errored', 'it went wrong']),
];

/** The life of a sale (14 §6). */
export const SALE_TRANSITIONS: readonly Transition<SaleState>[] = ROWS.map(([from, to, when]) => ({ from, to, when }));

/** In Mermaid's language. */
export const saleDiagram = (): string =>
  stateDiagram(SALE_TRANSITIONS, { initial: ['preparing', 'unknown'], boxes: { taking: BEFORE } });

/** As the REST API names them (14 §3). */
export const saleStateName = (state: SaleState): string => `Sale${state.charAt(0).toUpperCase()}${state.slice(1)}`;
