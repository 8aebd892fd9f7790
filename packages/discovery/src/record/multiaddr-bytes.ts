import { ipBytes, ipText } from './ip-bytes.ts';
import { formatAddress, parseAddress } from './multiaddr.ts';
import { decodeVarint, encodeVarint } from './varint.ts';

/** Protocol codes of the multiaddr table that addresses of nodes consist of. */
const IP4 = 4;
const TCP = 6;
const UDP = 273;
const IP6 = 41;
const TRANSPORTS = new Map<number, 'tcp' | 'udp'>([
  [TCP, 'tcp'],
  [UDP, 'udp'],
]);

/** Binary form of an `/ip4|ip6/…/tcp|udp/…` multiaddr; undefined for any other. */
export function encodeMultiaddr(multiaddr: string): Uint8Array | undefined {
  const address = parseAddress(multiaddr);
  if (!address || address.kind === 'dns') return undefined;
  const host = ipBytes(address.host);
  if (!host) return undefined;
  return Uint8Array.from([
    ...encodeVarint(address.kind === 'ip4' ? IP4 : IP6),
    ...host,
    ...encodeVarint(address.transport === 'tcp' ? TCP : UDP),
    address.port >> 8,
    address.port & 0xff,
  ]);
}

/** Text form of a binary multiaddr; undefined for protocols that nodes do not announce. */
export function decodeMultiaddr(bytes: Uint8Array): string | undefined {
  const family = decodeVarint(bytes, 0);
  if (family?.value !== IP4 && family?.value !== IP6) return undefined;
  const length = family.value === IP4 ? 4 : 16;
  const host = bytes.subarray(family.end, family.end + length);
  const transportAt = decodeVarint(bytes, family.end + length);
  const transport = TRANSPORTS.get(transportAt?.value ?? -1);
  const text = ipText(host);
  if (!text || host.length !== length || !transportAt || !transport || bytes.length !== transportAt.end + 2)
    return undefined;
  const port = (bytes[transportAt.end] ?? 0) * 256 + (bytes[transportAt.end + 1] ?? 0);
  const protocol = family.value === IP4 ? 'ip4' : 'ip6';
  return formatAddress({ protocol, host: text, transport, port });
}
