import { stateDiagram, type Transition } from '../machine/transition.ts';

export type PurchaseState =
  | 'pending'
  | 'submitted'
  | 'started'
  | 'cancelled'
  | 'finished'
  | 'failed'
  | 'errored'
  | 'unknown';

/** The life of a purchase (13 §3). */
export const PURCHASE_TRANSITIONS: readonly Transition<PurchaseState>[] = [
  { from: 'pending', to: 'submitted', when: 'the chain has the request' },
  { from: 'pending', to: 'errored', when: 'the chain refuses it, or funds are missing' },
  { from: 'submitted', to: 'pending', when: 'the chain has forgotten it' },
  { from: 'submitted', to: 'started', when: 'all slots are filled' },
  { from: 'submitted', to: 'cancelled', when: 'not all were by its expiry' },
  { from: 'submitted', to: 'finished', when: 'it ended while nobody looked' },
  { from: 'submitted', to: 'failed', when: 'it failed while nobody looked' },
  { from: 'started', to: 'submitted', when: 'the chain took a filling back' },
  { from: 'started', to: 'finished', when: 'its time is over' },
  { from: 'started', to: 'failed', when: 'too many slots were lost' },
  { from: 'cancelled', to: 'errored', when: 'the refund is refused' },
  { from: 'finished', to: 'errored', when: 'the rest is refused' },
  { from: 'failed', to: 'errored', when: 'what is left was paid back, or refused' },
  { from: 'unknown', to: 'submitted', when: 'it waits for hosts' },
  { from: 'unknown', to: 'started', when: 'it runs' },
  { from: 'unknown', to: 'cancelled', when: 'it expired' },
  { from: 'unknown', to: 'finished', when: 'it ended' },
  { from: 'unknown', to: 'failed', when: 'it failed' },
  { from: 'unknown', to: 'errored', when: 'the chain does not know it' },
];

/** In Mermaid's language. */
export const purchaseDiagram = (): string =>
  stateDiagram(PURCHASE_TRANSITIONS, { initial: ['pending', 'unknown'], ends: ['finished', 'cancelled'] });
