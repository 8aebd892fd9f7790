import type { MetricsRegistry } from '@codex/runtime';
import type { PrometheusMetrics } from './prometheus-metrics.ts';

/**
 * The metrics that a reference node exports from its first second (06 §7), so that its dashboards and tests find what
 * they look for. Components that have a value for one register it themselves under the same name; the others belong to
 * parts that this release does not have and stay at zero. `nim_gc_*` have no counterpart.
 */
const COUNTERS: Readonly<Record<string, string>> = {
  codex_api_uploads: 'uploads through the REST API',
  codex_api_downloads: 'downloads through the REST API',
  codex_block_exchange_want_have_lists_sent: 'wantHave lists sent',
  codex_block_exchange_want_have_lists_received: 'wantHave entries received',
  codex_block_exchange_want_block_lists_sent: 'wantBlock lists sent',
  codex_block_exchange_want_block_lists_received: 'wantBlock entries received',
  codex_block_exchange_blocks_sent: 'blocks sent to peers',
  codex_block_exchange_blocks_received: 'blocks received from peers',
  codex_block_exchange_spurious_blocks_received: 'blocks received that nobody asked for',
  codex_block_exchange_discovery_requests_total: 'searches for providers',
  codex_block_exchange_peer_timeouts_total: 'peers that did not deliver in time',
  codex_block_exchange_requests_failed_total: 'requests for blocks that were given up',
  codex_purchases_pending: 'purchases that became pending',
  codex_purchases_submitted: 'purchases that were submitted',
  codex_purchases_started: 'purchases that started',
  codex_purchases_finished: 'purchases that finished',
  codex_purchases_cancelled: 'purchases that were cancelled',
  codex_purchases_failed: 'purchases that failed',
  codex_purchases_error: 'purchases that ended in an error',
  codex_purchases_unknown: 'purchases in an unknown state',
  codex_reservations_availability_mismatch: 'availabilities that did not match their reservations',
  dht_enr_auto_update: 'updates of the own record',
  dht_session_lru_cache_hits: 'session keys found',
  dht_session_lru_cache_misses: 'session keys not found',
  dht_session_decrypt_failures: 'packets that could not be decrypted',
  dht_unsolicited_messages: 'messages that answer no request',
  libp2p_total_dial_attempts: 'dials tried',
  libp2p_successful_dials: 'dials that succeeded',
  libp2p_failed_dials: 'dials that failed',
  libp2p_failed_upgrades_incoming: 'incoming connections that failed to upgrade',
  libp2p_failed_upgrades_outgoing: 'outgoing connections that failed to upgrade',
};

const LABELLED_COUNTERS: Readonly<Record<string, { help: string; labels: readonly string[] }>> = {
  dht_message_requests_outgoing: { help: 'requests sent', labels: ['response'] },
  dht_message_requests_incoming: { help: 'requests received', labels: ['response'] },
  dht_transport_tx_packets: { help: 'packets sent', labels: ['state'] },
  dht_transport_tx_bytes: { help: 'bytes sent', labels: ['state'] },
  dht_transport_rx_packets: { help: 'packets received', labels: ['state'] },
  dht_transport_rx_bytes: { help: 'bytes received', labels: ['state'] },
  libp2p_network_bytes: { help: 'bytes carried by connections', labels: ['direction'] },
};

const GAUGES: Readonly<Record<string, string>> = {
  codex_repostore_blocks: 'blocks in the repository',
  codex_repostore_bytes_used: 'bytes used by the repository',
  codex_repostore_bytes_reserved: 'bytes reserved in the repository',
  codex_block_exchange_pending_block_requests: 'blocks being asked for',
  codex_block_exchange_retrieval_time_us: 'time of the last retrieval of a block, microseconds',
  codex_inflight_discovery: 'searches for providers under way',
  codex_inflight_advertise: 'announcements under way',
  dht_routing_table_buckets: 'buckets of the routing table',
  libp2p_peers: 'connected peers',
  presto_server_processed_request_count: 'HTTP requests answered',
  presto_server_missing_requests_count: 'HTTP requests for unknown routes',
  presto_server_invalid_requests_count: 'HTTP requests that could not be parsed',
};

const LABELLED_GAUGES: Readonly<Record<string, { help: string; labels: readonly string[] }>> = {
  dht_routing_table_nodes: { help: 'nodes of the routing table', labels: ['state'] },
  libp2p_open_streams: { help: 'open streams', labels: ['type', 'dir'] },
};

/** Of the publish-subscribe layer, which neither client uses: constant zero in both, present because dashboards ask. */
const PUBSUB_COUNTERS = [
  'gossipsub_duplicate',
  'gossipsub_duplicate_during_validation',
  'gossipsub_failed_publish',
  'gossipsub_idontwant_saved_messages',
  'gossipsub_imreceiving_saved_messages',
  'gossipsub_invalid_topic_subscription',
  'gossipsub_received',
  'pubsub_broadcast_iwant',
  'pubsub_disconnects_over_non_priority_queue_limit',
  'pubsub_received_iwant',
  'pubsub_sig_verify_failure',
  'pubsub_sig_verify_success',
  'pubsub_subscriptions',
  'pubsub_unsubscriptions',
  'pubsub_validation_failure',
  'pubsub_validation_ignore',
  'pubsub_validation_success',
  'rendezvous_discover',
  'rendezvous_register',
];
const PUBSUB_GAUGES = [
  'gossipsub_cache_window_size',
  'gossipsub_healthy_peers_topics',
  'gossipsub_low_peers_topics',
  'gossipsub_no_peers_topics',
  'gossipsub_under_dout_topics',
  'pubsub_peers',
  'pubsub_topics',
  'rendezvous_namespaces',
  'rendezvous_registered',
];

/** Registers what no component registered. Called last, so that components are free in their labels and help texts. */
export function registerReferenceMetrics(metrics: MetricsRegistry & Pick<PrometheusMetrics, 'has'>): void {
  const UNUSED = 'unused: constant zero';
  const counters = { ...COUNTERS, ...Object.fromEntries(PUBSUB_COUNTERS.map((name) => [`libp2p_${name}`, UNUSED])) };
  const gauges = { ...GAUGES, ...Object.fromEntries(PUBSUB_GAUGES.map((name) => [`libp2p_${name}`, UNUSED])) };
  for (const [name, help] of Object.entries(counters)) if (!metrics.has(name)) metrics.counter({ name, help });
  for (const [name, help] of Object.entries(gauges)) if (!metrics.has(name)) metrics.gauge({ name, help });
  for (const [name, rest] of Object.entries(LABELLED_COUNTERS))
    if (!metrics.has(name)) metrics.counter({ name, ...rest });
  for (const [name, rest] of Object.entries(LABELLED_GAUGES)) if (!metrics.has(name)) metrics.gauge({ name, ...rest });
}
