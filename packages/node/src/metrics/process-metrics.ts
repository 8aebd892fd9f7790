import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Startable } from '@codex/runtime';
import { collectDefaultMetrics } from 'prom-client';
import type { PrometheusMetrics } from './prometheus-metrics.ts';

/** How often the event loop is probed; delays shorter than this do not show. */
const LOOP_RESOLUTION_MS = 10;
const NS_PER_SECOND = 1e9;

/** `process_*` and `nodejs_*` of prom-client, and how long the event loop was held up since the last export. */
export class ProcessMetrics implements Startable {
  readonly #delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });

  constructor(components: { metrics: PrometheusMetrics }) {
    const { metrics } = components;
    collectDefaultMetrics({ register: metrics.registry });
    metrics.gauge({
      name: 'codex_event_loop_delay_p99_seconds',
      help: 'delay of the event loop since the last export, 99th percentile, seconds',
      collect: () => {
        // The probe measures the time between its own ticks, so its period is part of what it sees.
        const seconds = Math.max(0, this.#delay.percentile(99) / NS_PER_SECOND - LOOP_RESOLUTION_MS / 1000);
        this.#delay.reset();
        return Number.isFinite(seconds) ? seconds : 0;
      },
    });
    metrics.gauge({
      name: 'codex_resident_memory_bytes',
      help: 'resident memory of the process, bytes',
      collect: () => process.memoryUsage.rss(),
    });
  }

  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }
}
