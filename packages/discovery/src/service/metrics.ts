import type { Counter, Gauge, Histogram, MetricsRegistry } from '@codex/runtime';

export interface ServiceMetrics {
  readonly nodes: Gauge;
  readonly buckets: Gauge;
  readonly providers: Gauge;
  readonly lookups: Counter;
  readonly lookupSeconds: Histogram;
  readonly announcements: Counter;
  readonly announcementsRefused: Counter;
}

/** The first two as in the reference (06 §7). */
export function serviceMetrics(registry: MetricsRegistry): ServiceMetrics {
  return {
    nodes: registry.gauge({ name: 'dht_routing_table_nodes', help: 'nodes of the routing table', labels: ['state'] }),
    buckets: registry.gauge({ name: 'dht_routing_table_buckets', help: 'buckets of the routing table' }),
    providers: registry.gauge({ name: 'codex_discovery_providers', help: 'announcements of providers that are held' }),
    lookups: registry.counter({ name: 'codex_discovery_lookups', help: 'walks through the DHT' }),
    lookupSeconds: registry.histogram({
      name: 'codex_discovery_lookup_seconds',
      help: 'time of a walk through the DHT',
      buckets: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20],
    }),
    announcements: registry.counter({
      name: 'codex_discovery_announcements_received',
      help: 'announcements of providers that were taken',
    }),
    announcementsRefused: registry.counter({
      name: 'codex_discovery_announcements_refused',
      help: 'announcements whose sender is not the provider',
    }),
  };
}
