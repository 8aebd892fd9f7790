export { type AbortOptions, KeyedMutex, raceSignal, Semaphore } from './async.ts';
export { BoundedQueue } from './bounded-queue.ts';
export { type Cancel, type Clock, systemClock } from './clock.ts';
export { CodexError, type ErrorFields, isCodexError, RUNTIME_ERRORS } from './errors.ts';
export { Lifecycle, type Startable } from './lifecycle.ts';
export { LOG_LEVELS, type Logger, type LogLevel, type LogProps, silentLogger } from './logger.ts';
export {
  type Counter,
  type Gauge,
  type Histogram,
  type Labels,
  type MetricInit,
  type MetricsRegistry,
  noMetrics,
} from './metrics.ts';
export { parseDuration, parseSize } from './quantities.ts';
export { type Random, seededRandom, systemRandom } from './random.ts';
export { VirtualClock } from './virtual-clock.ts';
export { type WasmInstance, type WasmMemory, wasm } from './webassembly.ts';
