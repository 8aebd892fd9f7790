export function isLoopback(ip: string): boolean {
  return ip === '::1' || ip.startsWith('127.');
}

/** Who is behind an IP address, for limits: whoever has an IPv6 address has the 2^64 around it too, which count as one. */
export function sourceOf(ip: string): string {
  if (!ip.includes(':')) return ip;
  const [front = '', back] = ip.split('::');
  const words = front === '' ? [] : front.split(':');
  const tail = back === undefined || back === '' ? [] : back.split(':');
  const zeros = back === undefined ? 0 : Math.max(0, 8 - words.length - tail.length);
  return [...words, ...new Array<string>(zeros).fill('0'), ...tail].slice(0, 4).join(':');
}
