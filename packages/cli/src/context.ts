import type { ApiClient } from './api-client.ts';
import type { Output } from './output.ts';

/** What every verb works with. */
export interface Context {
  readonly api: ApiClient;
  readonly output: Output;
  readonly signal: AbortSignal;
  /** No progress on standard error. */
  readonly quiet: boolean;
}
