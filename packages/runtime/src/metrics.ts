export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  inc(by?: number, labels?: Labels): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  inc(by?: number, labels?: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

export interface MetricInit {
  /** Without a `_total` suffix: the exporter adds what its format asks for. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/**
 * Where packages register their metrics. The node binds it to an exporter. Asking twice for one name returns the same
 * metric, so that several instances of a component can share it.
 */
export interface MetricsRegistry {
  counter(init: MetricInit): Counter;
  gauge(init: MetricInit & { /** Read at export time. */ collect?: () => number }): Gauge;
  histogram(init: MetricInit & { readonly buckets: readonly number[] }): Histogram;
}

const nothing = { inc: () => {}, set: () => {}, observe: () => {} };

/** Counts nothing: the default where a component is used without a node around it. */
export const noMetrics: MetricsRegistry = {
  counter: () => nothing,
  gauge: () => nothing,
  histogram: () => nothing,
};
