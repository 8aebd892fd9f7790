import { SignedRecord } from '@codex/discovery';
import { isCodexError, type Logger } from '@codex/runtime';
import type { NodeConfig } from './config/index.ts';

/**
 * The peers that the node keeps connected: those of `--peer`, and the TCP addresses of `--bootstrap-node` records. A
 * record that is damaged or only has UDP addresses is logged and skipped, so that one bad entry of a published list
 * does not keep a node from starting.
 */
export function staticPeers(config: Pick<NodeConfig, 'peer' | 'bootstrapNode'>, logger: Logger): string[] {
  const peers = [...config.peer];
  for (const uri of config.bootstrapNode) {
    try {
      const { peerId, addresses } = SignedRecord.parse(uri);
      const tcp = addresses.filter((address) => address.includes('/tcp/'));
      if (tcp.length === 0)
        logger.warn('Bootstrap record has no TCP address: discovery is not in this release', { peerId });
      peers.push(...tcp.map((address) => `${address}/p2p/${peerId}`));
    } catch (error) {
      if (!isCodexError(error, 'RECORD_INVALID')) throw error;
      logger.warn('Bootstrap record ignored', { error, spr: uri.slice(0, 60) });
    }
  }
  return [...new Set(peers)];
}
