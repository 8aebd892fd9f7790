import type { Counter, Gauge, Histogram, Labels, MetricInit, MetricsRegistry } from '@codex/runtime';
import { Counter as PromCounter, Gauge as PromGauge, Histogram as PromHistogram, Registry } from 'prom-client';
import { NodeError } from '../errors.ts';

interface Registered {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: string;
  readonly metric: Counter & Gauge & Histogram;
  /** Gauges read at export time; several instances of a component add up. */
  readonly collectors: (() => number)[];
}

/** Series per metric: labels come from fixed sets, so more would be a mistake that eats memory. */
const SERIES_MAX = 1000;

/**
 * The metrics of a node, bound to prom-client, named as nim-metrics does (06 §7): `_total` is added to every counter, and
 * counters and unlabelled gauges have a `_created` gauge with the Unix time in seconds of their making. A counter that
 * is itself named `…_total` would come out as `…_total_total`; it is exported under the plain name as well.
 */
export class PrometheusMetrics implements MetricsRegistry {
  readonly registry = new Registry();
  readonly #registered = new Map<string, Registered>();
  readonly #nowSeconds: () => number;

  constructor(components: { nowMs?: () => number } = {}) {
    const nowMs = components.nowMs ?? Date.now;
    this.#nowSeconds = () => nowMs() / 1000;
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** The exposition text. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  has(name: string): boolean {
    return this.#registered.has(name);
  }

  /** Names of all registered metrics, without what the export adds. */
  names(): string[] {
    return [...this.#registered.keys()];
  }

  counter(init: MetricInit): Counter {
    return this.#register('counter', init, () => {
      const names = [`${init.name}_total`, ...(init.name.endsWith('_total') ? [init.name] : [])];
      const counters = names.map(
        (name) =>
          new PromCounter({ name, help: init.help, labelNames: [...(init.labels ?? [])], registers: [this.registry] }),
      );
      const created = this.#created(init);
      return {
        inc: limited((by, labels) => {
          if (by < 0) return;
          created(labels);
          for (const counter of counters) counter.inc(labels, by);
        }),
      };
    });
  }

  gauge(init: MetricInit & { collect?: () => number }): Gauge {
    const gauge = this.#register('gauge', init, (collectors) => {
      const metric = new PromGauge({
        name: init.name,
        help: init.help,
        labelNames: [...(init.labels ?? [])],
        registers: [this.registry],
        collect() {
          if (collectors.length > 0) this.set(collectors.reduce((sum, read) => sum + read(), 0));
        },
      });
      if (!init.labels?.length) this.#created(init);
      return {
        inc: limited((by, labels) => metric.inc(labels, by)),
        set: (value, labels = {}) => metric.set(labels, value),
      };
    });
    if (init.collect) this.#registered.get(init.name)?.collectors.push(init.collect);
    return gauge;
  }

  histogram(init: MetricInit & { readonly buckets: readonly number[] }): Histogram {
    return this.#register('histogram', init, () => {
      const metric = new PromHistogram({
        name: init.name,
        help: init.help,
        labelNames: [...(init.labels ?? [])],
        buckets: [...init.buckets],
        registers: [this.registry],
      });
      return { observe: (value, labels = {}) => metric.observe(labels, value) };
    });
  }

  #register(
    kind: Registered['kind'],
    init: MetricInit,
    make: (collectors: (() => number)[]) => Partial<Counter & Gauge & Histogram>,
  ): Counter & Gauge & Histogram {
    const labels = [...(init.labels ?? [])].sort().join(',');
    const known = this.#registered.get(init.name);
    if (known) {
      if (known.kind === kind && known.labels === labels) return known.metric;
      throw new NodeError('METRIC_CONFLICT', `Metric ${init.name} is a ${known.kind} with labels "${known.labels}"`, {
        name: init.name,
        kind,
        labels,
      });
    }
    const collectors: (() => number)[] = [];
    const metric = { inc: () => {}, set: () => {}, observe: () => {}, ...make(collectors) };
    this.#registered.set(init.name, { kind, labels, metric, collectors });
    return metric;
  }

  /** Registers the `_created` gauge; the returned function notes the first use of a labelled series. */
  #created(init: MetricInit): (labels: Labels) => void {
    const labelNames = [...(init.labels ?? [])];
    const gauge = new PromGauge({
      name: `${init.name}_created`,
      help: `${init.help} (Unix time of creation, seconds)`,
      labelNames,
      registers: [this.registry],
    });
    if (labelNames.length === 0) {
      gauge.set(this.#nowSeconds());
      return () => {};
    }
    const seen = new Set<string>();
    return (labels) => {
      const key = labelNames.map((name) => labels[name] ?? '').join('\n');
      if (seen.has(key)) return;
      seen.add(key);
      gauge.set(labels, this.#nowSeconds());
    };
  }
}

/** Drops updates that would open more series than SERIES_MAX. */
function limited(update: (by: number, labels: Labels) => void): (by?: number, labels?: Labels) => void {
  const series = new Set<string>();
  return (by = 1, labels = {}) => {
    const key = Object.values(labels).join('\n');
    if (!series.has(key)) {
      if (series.size >= SERIES_MAX) return;
      series.add(key);
    }
    update(by, labels);
  };
}
