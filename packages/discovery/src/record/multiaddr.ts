import { isIPv4, isIPv6 } from 'node:net';

/** The parts of a multiaddr that this node can listen on, dial or announce. */
export interface Address {
  readonly kind: 'ip4' | 'ip6' | 'dns';
  /** The first component's name as written: ip4, ip6, dns, dns4, dns6. */
  readonly protocol: string;
  readonly host: string;
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
}

const PORT_MAX = 65_535;
/** A base58 multihash of a key: 16Uiu2… (secp256k1), Qm… and 12D3… are refused when dialled. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{46,64}$/;

/** Reads `/<ip4|ip6|dns…>/<host>/<tcp|udp>/<port>`; undefined for anything else. */
export function parseAddress(multiaddr: string): Address | undefined {
  const parts = multiaddr.split('/');
  const [root, protocol = '', host = '', transport, port = ''] = parts;
  if (parts.length !== 5 || root !== '') return undefined;
  if (transport !== 'tcp' && transport !== 'udp') return undefined;
  if (!/^\d{1,5}$/.test(port) || Number(port) > PORT_MAX) return undefined;
  const rest = { protocol, host, transport, port: Number(port) } as const;
  if (protocol === 'ip4') return isIPv4(host) ? { kind: 'ip4', ...rest } : undefined;
  if (protocol === 'ip6') return isIPv6(host) ? { kind: 'ip6', ...rest } : undefined;
  if (['dns', 'dns4', 'dns6'].includes(protocol)) return host ? { kind: 'dns', ...rest } : undefined;
  return undefined;
}

export function formatAddress(address: Pick<Address, 'protocol' | 'host' | 'transport' | 'port'>): string {
  return `/${address.protocol}/${address.host}/${address.transport}/${address.port}`;
}

/** Splits `<address>/p2p/<peer id>`; undefined when either part is missing or the address cannot be dialled. */
export function parsePeerAddress(multiaddr: string): { readonly peer: string; readonly address: string } | undefined {
  const at = multiaddr.lastIndexOf('/p2p/');
  if (at < 0) return undefined;
  const peer = multiaddr.slice(at + '/p2p/'.length);
  const address = multiaddr.slice(0, at);
  const parsed = parseAddress(address);
  return PEER_ID.test(peer) && parsed?.transport === 'tcp' && parsed.port > 0 ? { peer, address } : undefined;
}
