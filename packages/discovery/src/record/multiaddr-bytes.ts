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

/** Components by code and bytes of value; LENGTH_FIRST where a varint says the length. */
const LENGTH_FIRST = -1;
const COMPONENT_BYTES = new Map<number, number>([
  [IP4, 4],
  [IP6, 16],
  [TCP, 2],
  [UDP, 2],
  // dns, dns4, dns6, dnsaddr, p2p
  ...[53, 54, 55, 56, 421].map((code): [number, number] => [code, LENGTH_FIRST]),
]);

/** Whether a binary multiaddr is one component and nothing behind it: the reference crashes when it meets one (05 §2). */
export function isLoneComponent(bytes: Uint8Array): boolean {
  const code = decodeVarint(bytes, 0);
  const fixed = COMPONENT_BYTES.get(code?.value ?? -1);
  if (!code || fixed === undefined) return false;
  const length = fixed === LENGTH_FIRST ? decodeVarint(bytes, code.end) : { value: fixed, end: code.end };
  return length !== undefined && length.end + length.value === bytes.length;
}
