import { isIPv4, isIPv6 } from 'node:net';

/** The last 32 bits of an IPv6 address that begins so are an IPv4 address. */
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** 4 bytes of an IPv4 address, 16 of an IPv6 address (a zone is left out); undefined for other text. */
export function ipBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  return isIPv6(text) ? ipv6Bytes(text) : undefined;
}

/** The canonical text of 4 or 16 bytes; undefined for another length. */
export function ipText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  return bytes.length === 16 ? ipv6Text(bytes) : undefined;
}

/** As `Endpoint` writes addresses: canonical, and IPv4 where an IPv6 address only maps one; undefined for other text. */
export function endpointIp(text: string): string | undefined {
  const bytes = ipBytes(text);
  return bytes && ipText(withoutMapping(bytes));
}

/** The 4 bytes of an IPv4-mapped address; other bytes as they are. */
export function withoutMapping(bytes: Uint8Array): Uint8Array {
  return bytes.length === 16 && MAPPED.every((byte, i) => bytes[i] === byte) ? bytes.subarray(MAPPED.length) : bytes;
}

function ipv6Bytes(text: string): Uint8Array {
  const plain = text.split('%')[0] ?? '';
  const dotted = plain.slice(plain.lastIndexOf(':') + 1);
  const groups = isIPv4(dotted) ? plain.slice(0, -dotted.length) + hexGroups(dotted) : plain;
  const [head = '', tail] = groups.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)));
  const front = words(head);
  const back = words(tail ?? '');
  const zeros = tail === undefined ? [] : new Array<number>(8 - front.length - back.length).fill(0);
  return Uint8Array.from([...front, ...zeros, ...back].flatMap((word) => [word >> 8, word & 0xff]));
}

function hexGroups(ipv4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** RFC 5952: the first longest run of zero words is `::`. */
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
