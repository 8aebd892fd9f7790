import type { Counter, Histogram, MetricsRegistry } from '@codex/runtime';

/** The long parts of a proof, in their order. */
export const PROVING_PHASES = ['tree', 'input', 'key', 'witness', 'proof', 'verification'] as const;
export type ProvingPhase = (typeof PROVING_PHASES)[number];

export interface ProvingMetrics {
  readonly made: Counter;
  readonly failed: Counter;
  readonly seconds: Histogram;
}

/** From a witness of few samples to a proof of many, or the tree of a large slot. */
const SECONDS_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000];

export function createProvingMetrics(registry: MetricsRegistry, waiting: () => number): ProvingMetrics {
  registry.gauge({ name: 'codex_proof_queue_length', help: 'Proofs that wait for their turn', collect: waiting });
  return {
    made: registry.counter({ name: 'codex_proofs_made', help: 'Storage proofs made and verified' }),
    failed: registry.counter({
      name: 'codex_proofs_failed',
      help: 'Storage proofs that were asked for and not made, by code of the error',
      labels: ['code'],
    }),
    seconds: registry.histogram({
      name: 'codex_proof_seconds',
      help: 'Seconds that the parts of a storage proof took',
      labels: ['phase'],
      buckets: SECONDS_BUCKETS,
    }),
  };
}
