import { type Clock, type Logger, noMetrics, silentLogger, systemClock } from '@codex/runtime';
import { ProtectedData } from '../protection/index.ts';
import { BackgroundFetches } from './background-fetches.ts';
import type { ApiComponents, ApiInit } from './components.ts';
import { API_LIMITS, type ApiLimits } from './limits.ts';
import { type ApiMetrics, createApiMetrics } from './metrics.ts';
import { BatchWriter } from './write-batches.ts';

/** What every handler gets: the components with their defaults filled in, and the state of this server. */
export interface ApiContext extends ApiComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ApiLimits;
  readonly fetchTimeoutMs: number;
  readonly corsOrigin: string | undefined;
  readonly counters: ApiMetrics;
  readonly background: BackgroundFetches;
  readonly writer: BatchWriter;
  readonly protection: ProtectedData;
}

export function createContext(components: ApiComponents, init: ApiInit): ApiContext {
  const limits = { ...API_LIMITS, ...init.limits };
  const clock = components.clock ?? systemClock;
  const logger = components.logger ?? silentLogger;
  return {
    ...components,
    clock,
    logger,
    limits,
    fetchTimeoutMs: init.fetchTimeoutMs,
    corsOrigin: init.corsOrigin || undefined,
    counters: createApiMetrics(components.metrics ?? noMetrics),
    background: new BackgroundFetches({ logger }, limits),
    writer: new BatchWriter({ clock }, limits),
    protection: components.protection ?? new ProtectedData({ ...components, clock }, limits),
  };
}
