import type { MetricsRegistry } from '@codex/runtime';
import type { Engine } from './engine.ts';

/** The reference's gauges (06 §7), and what our layout adds. */
export function registerMetrics(metrics: MetricsRegistry, { quota, index }: Engine): void {
  const gauge = (name: string, help: string, collect: () => number) => metrics.gauge({ name, help, collect });
  gauge('codex_repostore_blocks', 'codex repostore blocks', () => quota.usage().totalBlocks);
  gauge('codex_repostore_bytes_used', 'codex repostore bytes used', () => quota.usage().quotaUsedBytes);
  gauge('codex_repostore_bytes_reserved', 'codex repostore bytes reserved', () => quota.usage().quotaReservedBytes);
  const sum = (of: 'bytes' | 'liveBytes') => {
    let bytes = 0;
    for (const use of index.segments.values()) bytes += use[of];
    return bytes;
  };
  gauge('codex_repostore_segment_bytes', 'bytes of segment files', () => sum('bytes'));
  gauge('codex_repostore_segment_live_bytes', 'bytes of segment files that belong to blocks', () => sum('liveBytes'));
}
