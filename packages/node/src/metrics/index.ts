export { MetricsServer, type MetricsServerComponents } from './metrics-server.ts';
export { ProcessMetrics } from './process-metrics.ts';
export { PrometheusMetrics } from './prometheus-metrics.ts';
export { registerReferenceMetrics } from './reference-metrics.ts';
