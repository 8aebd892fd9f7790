import { isIPv4, isIPv6 } from 'node:net';
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
  const host = address.kind === 'ip4' ? address.host.split('.').map(Number) : ipv6Bytes(address.host);
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
  if (host.length !== length || !transportAt || !transport || bytes.length !== transportAt.end + 2) return undefined;
  const port = (bytes[transportAt.end] ?? 0) * 256 + (bytes[transportAt.end + 1] ?? 0);
  const protocol = family.value === IP4 ? 'ip4' : 'ip6';
  return formatAddress({ protocol, host: family.value === IP4 ? host.join('.') : ipv6Text(host), transport, port });
}

/** 16 bytes of an IPv6 address that isIPv6 accepts. */
function ipv6Bytes(text: string): number[] {
  if (!isIPv6(text)) return new Array(16).fill(0);
  const plain = text.split('%')[0] ?? '';
  const dotted = plain.slice(plain.lastIndexOf(':') + 1);
  const groups = isIPv4(dotted) ? plain.slice(0, -dotted.length) + hexGroups(dotted) : plain;
  const [head = '', tail] = groups.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)));
  const front = words(head);
  const back = words(tail ?? '');
  const zeros = tail === undefined ? [] : new Array<number>(8 - front.length - back.length).fill(0);
  return [...front, ...zeros, ...back].flatMap((word) => [word >> 8, word & 0xff]);
}

function hexGroups(ipv4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** The canonical text (RFC 5952): the first longest run of zero words is `::`. */
function ipv6Text(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < words.length; start++) {
    let length = 0;
    while (words[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.start < 0) return words.join(':');
  return `${words.slice(0, best.start).join(':')}::${words.slice(best.start + best.length).join(':')}`;
}
