import { isIPv6 } from 'node:net';
import { type Endpoint, parseAddress } from '@codex/discovery';

/**
 * Where the DHT's socket is bound: `--disc-ip` if given, else where the node listens for peers when that is one address,
 * else everywhere. A node that listens on loopback only is so not open to others by its UDP port.
 */
export function udpEndpoint(config: {
  readonly discIp: string | undefined;
  readonly discPort: number;
  readonly listenAddrs: readonly string[];
}): Endpoint {
  const hosts = new Set(config.listenAddrs.flatMap((address) => parseAddress(address)?.host ?? []));
  const [only = '0.0.0.0', ...others] = hosts;
  const everywhere = [...hosts].some((host) => isIPv6(host)) ? '::' : '0.0.0.0';
  const given = config.discIp === 'localhost' ? '127.0.0.1' : config.discIp;
  return { ip: given ?? (others.length === 0 ? only : everywhere), port: config.discPort };
}
