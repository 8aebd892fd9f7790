import type { Repository } from '@codex/content';
import type { PeerNetwork } from '@codex/exchange';
import type { PrometheusMetrics } from './metrics/index.ts';

/** Gauges of the reference that read a part as it stands, for parts that do not register them (06 §7). */
export function registerNodeMetrics(
  metrics: PrometheusMetrics,
  parts: { readonly repository: Repository; readonly network: PeerNetwork },
): void {
  const { repository, network } = parts;
  const gauges: Readonly<Record<string, { help: string; collect: () => number }>> = {
    codex_repostore_blocks: {
      help: 'blocks and manifests in the repository',
      collect: () => repository.usage().totalBlocks,
    },
    codex_repostore_bytes_used: {
      help: 'bytes used by the repository',
      collect: () => repository.usage().quotaUsedBytes,
    },
    codex_repostore_bytes_reserved: {
      help: 'bytes of quota set aside',
      collect: () => repository.usage().quotaReservedBytes,
    },
    libp2p_peers: { help: 'connected peers', collect: () => network.peers().length },
  };
  for (const [name, rest] of Object.entries(gauges)) if (!metrics.has(name)) metrics.gauge({ name, ...rest });
}
