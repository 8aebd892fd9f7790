import type { Counter, Gauge, MetricsRegistry } from '@codex/runtime';

/** What is told of the chain and of the way to it. */
export interface ChainMetrics {
  readonly requests: Counter;
  readonly endpointFailures: Counter;
  readonly head: Gauge;
  readonly stale: Gauge;
  readonly reorgs: Counter;
  readonly transactionsSent: Counter;
  readonly transactionsReplaced: Counter;
  readonly transactionsReverted: Counter;
  readonly transactionsPending: Gauge;
  readonly events: Counter;
  readonly eventsUndone: Counter;
}

export function chainMetrics(registry: MetricsRegistry): ChainMetrics {
  const counter = (name: string, help: string, labels?: readonly string[]) =>
    registry.counter({ name: `codex_chain_${name}`, help, ...(labels && { labels }) });
  const gauge = (name: string, help: string) => registry.gauge({ name: `codex_chain_${name}`, help });
  return {
    requests: counter('requests', 'requests to end points of the chain; a batch is one'),
    endpointFailures: counter('endpoint_failures', 'requests that an end point failed at, by kind', ['kind']),
    head: gauge('head', 'number of the newest block'),
    stale: gauge('stale', '1 while there is no new block for far longer than usual'),
    reorgs: counter('reorgs', 'times that blocks fell out of the chain'),
    transactionsSent: counter('transactions_sent', 'transactions sent, replacements apart'),
    transactionsReplaced: counter('transactions_replaced', 'transactions sent again with higher fees'),
    transactionsReverted: counter('transactions_reverted', 'transactions that failed in a block'),
    transactionsPending: gauge('transactions_pending', 'transactions that are in no block yet'),
    events: counter('events', 'events of the marketplace that were told'),
    eventsUndone: counter('events_undone', 'events that were told as undone'),
  };
}
