import type { Counter, Gauge, MetricsRegistry } from '@codex/runtime';

/** The metrics of the reference node, under its names (06 §7), and what our own protocol adds. */
export interface ExchangeMetrics {
  readonly wantHaveListsSent: Counter;
  /** Counts entries, as the reference does. */
  readonly wantHaveListsReceived: Counter;
  readonly wantBlockListsSent: Counter;
  /** Counts entries, as the reference does. */
  readonly wantBlockListsReceived: Counter;
  readonly blocksSent: Counter;
  readonly blocksReceived: Counter;
  readonly spuriousBlocksReceived: Counter;
  readonly discoveryRequests: Counter;
  readonly peerTimeouts: Counter;
  readonly requestsFailed: Counter;
  readonly pendingBlockRequests: Gauge;
  readonly retrievalTimeUs: Gauge;
  readonly bytesReceived: Counter;
  readonly bytesSent: Counter;
  readonly peersDropped: Counter;
  readonly duplicateBlocksReceived: Counter;
}

const PREFIX = 'codex_block_exchange_';

/** The reference's own names of three counters end in `_total`, which its exporter repeats; so does ours. */
export function exchangeMetrics(registry: MetricsRegistry, pending: () => number): ExchangeMetrics {
  const counter = (name: string, help: string) => registry.counter({ name: PREFIX + name, help });
  return {
    wantHaveListsSent: counter('want_have_lists_sent', 'Want-have lists sent'),
    wantHaveListsReceived: counter('want_have_lists_received', 'Want-have entries received'),
    wantBlockListsSent: counter('want_block_lists_sent', 'Want-block lists sent'),
    wantBlockListsReceived: counter('want_block_lists_received', 'Want-block entries received'),
    blocksSent: counter('blocks_sent', 'Blocks sent'),
    blocksReceived: counter('blocks_received', 'Blocks received'),
    spuriousBlocksReceived: counter('spurious_blocks_received', 'Blocks received that were not asked for'),
    discoveryRequests: counter('discovery_requests_total', 'Searches for providers'),
    peerTimeouts: counter('peer_timeouts_total', 'Peers dropped because they did not deliver'),
    requestsFailed: counter('requests_failed_total', 'Fetches that failed'),
    pendingBlockRequests: registry.gauge({
      name: `${PREFIX}pending_block_requests`,
      help: 'Blocks that are wanted and not held',
      collect: pending,
    }),
    retrievalTimeUs: registry.gauge({
      name: `${PREFIX}retrieval_time_us`,
      help: 'Time of the last request, microseconds',
    }),
    bytesReceived: counter('bytes_received', 'Bytes of blocks received'),
    bytesSent: counter('bytes_sent', 'Bytes of blocks sent'),
    duplicateBlocksReceived: counter('duplicate_blocks_received', 'Blocks received that were held already'),
    peersDropped: counter('peers_dropped', 'Peers dropped for what they sent'),
  };
}
