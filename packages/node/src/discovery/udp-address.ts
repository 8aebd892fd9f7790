import { isIPv6 } from 'node:net';
import { type Endpoint, parseAddress, reachOf } from '@codex/discovery';

/**
 * Where the DHT's socket is bound: `--disc-ip` if given, else where the node listens for peers when that is one address or
 * all of them are loopback, else everywhere. A node that listens on loopback only is so not open to others by its UDP port.
 */
export function udpEndpoint(config: {
  readonly discIp: string | undefined;
  readonly discPort: number;
  readonly listenAddrs: readonly string[];
}): Endpoint {
  const hosts = new Set(config.listenAddrs.flatMap((address) => parseAddress(address)?.host ?? []));
  const [first = '0.0.0.0'] = hosts;
  const everywhere = [...hosts].some((host) => isIPv6(host)) ? '::' : '0.0.0.0';
  const inside = [...hosts].every((host) => reachOf(host) === 'loopback');
  const given = config.discIp === 'localhost' ? '127.0.0.1' : config.discIp;
  return { ip: given ?? (hosts.size < 2 || inside ? first : everywhere), port: config.discPort };
}
