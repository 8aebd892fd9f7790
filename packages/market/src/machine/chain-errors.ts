import { isCodexError } from '@codex/runtime';

/** The name of what the contract refused a call with; undefined for every other error. */
export function revertOf(error: unknown): string | undefined {
  if (!isCodexError(error, 'MARKET_REVERTED')) return undefined;
  return typeof error.data.name === 'string' ? error.data.name : 'unknown';
}

/** True when the contract refused a call with one of these. */
export function isRevert(error: unknown, ...names: readonly string[]): boolean {
  const name = revertOf(error);
  return name !== undefined && names.includes(name);
}
