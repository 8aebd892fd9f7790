import type { PlotInit } from '@codex/plot';

/** What a figure is held against. */
export interface Check {
  readonly what: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Plot extends PlotInit {
  /** Of the file. */
  readonly name: string;
}

/** What a simulation found out. The same seed and parameters give the same one, to the last digit. */
export interface ScenarioResult {
  readonly scenario: string;
  readonly parameters: Readonly<Record<string, number | string | boolean>>;
  readonly figures: Readonly<Record<string, number>>;
  readonly checks: readonly Check[];
  readonly plots: readonly Plot[];
}

export const passes = ({ value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Check) =>
  value >= atLeast && value <= atMost;

export const mean = (values: readonly number[]) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The value that `share` of the values do not exceed; 0 without any. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/** The share of values up to each, in a hundred steps: for a plot. */
export function distribution(values: readonly number[]): [number, number][] {
  return Array.from({ length: 101 }, (_, i) => [percentile(values, i / 100), i]);
}

/** Three decimals are more than chance leaves. */
export const rounded = (value: number) => Math.round(value * 1000) / 1000;
