import type { Counter, MetricsRegistry } from '@codex/runtime';

/** Under the reference's names where it has them (06 §7). */
export interface WireMetrics {
  /** `state`: the kind of packet; `random` opens a session. */
  readonly packetsSent: Counter;
  readonly bytesSent: Counter;
  /** `state`: the kind of packet, or `invalid`, or `limited` by the rate of its source. */
  readonly packetsReceived: Counter;
  readonly bytesReceived: Counter;
  readonly sessionHits: Counter;
  readonly sessionMisses: Counter;
  readonly decryptFailures: Counter;
  readonly unsolicited: Counter;
  /** `response`: empty for every request; `no_response`, `invalid_response` for what became of it. */
  readonly requestsOutgoing: Counter;
  readonly requestsIncoming: Counter;
  readonly invalidMessages: Counter;
  /** `result`: `made` and `accepted` by us, `refused` for what does not verify, `limited` by rate. */
  readonly handshakes: Counter;
  readonly repeatedPackets: Counter;
  readonly droppedMessages: Counter;
}

export function discoveryMetrics(registry: MetricsRegistry): WireMetrics {
  const counter = (name: string, help: string, labels?: readonly string[]) =>
    registry.counter({ name, help, ...(labels && { labels }) });
  return {
    packetsSent: counter('dht_transport_tx_packets', 'Packets sent, by kind', ['state']),
    bytesSent: counter('dht_transport_tx_bytes', 'Bytes of packets sent, by kind', ['state']),
    packetsReceived: counter('dht_transport_rx_packets', 'Packets received, by kind', ['state']),
    bytesReceived: counter('dht_transport_rx_bytes', 'Bytes of packets received, by kind', ['state']),
    sessionHits: counter('dht_session_lru_cache_hits', 'Session keys found'),
    sessionMisses: counter('dht_session_lru_cache_misses', 'Session keys not found'),
    decryptFailures: counter('dht_session_decrypt_failures', 'Packets that could not be decrypted'),
    unsolicited: counter('dht_unsolicited_messages', 'Messages that answer no request'),
    requestsOutgoing: counter('dht_message_requests_outgoing', 'Requests sent, and what became of them', ['response']),
    requestsIncoming: counter('dht_message_requests_incoming', 'Requests received', ['response']),
    invalidMessages: counter('codex_discovery_invalid_messages', 'Messages that do not decode'),
    handshakes: counter('codex_discovery_handshakes', 'Handshakes, by result', ['result']),
    repeatedPackets: counter('codex_discovery_repeated_packets', 'Packets that came twice'),
    droppedMessages: counter('codex_discovery_dropped_messages', 'Messages that could not wait for a handshake'),
  };
}
