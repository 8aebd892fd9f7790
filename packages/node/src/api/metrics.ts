import type { Counter, Gauge, MetricsRegistry } from '@codex/runtime';

/** Metrics under the names of the reference and its HTTP framework (06 §7). */
export interface ApiMetrics {
  readonly uploads: Counter;
  readonly downloads: Counter;
  /** Requests that reached a route. */
  readonly processed: Gauge;
  /** Requests that no route serves. */
  readonly missing: Gauge;
  /** Requests that could not be parsed. */
  readonly invalid: Gauge;
  readonly statuses: Gauge;
}

export function createApiMetrics(registry: MetricsRegistry): ApiMetrics {
  return {
    uploads: registry.counter({ name: 'codex_api_uploads', help: 'Files uploaded through the API' }),
    downloads: registry.counter({ name: 'codex_api_downloads', help: 'Files downloaded through the API' }),
    processed: registry.gauge({ name: 'presto_server_processed_request_count', help: 'Requests that a route served' }),
    missing: registry.gauge({ name: 'presto_server_missing_requests_count', help: 'Requests to unknown routes' }),
    invalid: registry.gauge({ name: 'presto_server_invalid_requests_count', help: 'Malformed requests' }),
    statuses: registry.gauge({
      name: 'presto_server_response_status_count',
      help: 'Responses by route and status',
      labels: ['endpoint', 'status'],
    }),
  };
}
