import { BlockList, isIPv4 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Ranges that are not reachable from everywhere: RFC 1918, RFC 6598, link-local, unique local. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8, 'ipv4');
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4');
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4');
PRIVATE.addSubnet('100.64.0.0', 10, 'ipv4');
PRIVATE.addSubnet('169.254.0.0', 16, 'ipv4');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

/** Addresses of nobody: unspecified, multicast, reserved. */
const NOBODY = new BlockList();
NOBODY.addSubnet('0.0.0.0', 8, 'ipv4');
NOBODY.addSubnet('224.0.0.0', 3, 'ipv4');
NOBODY.addAddress('::', 'ipv6');
NOBODY.addSubnet('ff00::', 8, 'ipv6');

export type Reach = 'public' | 'private' | 'loopback' | 'none';

/** Addresses whose reach is remembered, some 0.1 KB each: a node meets the same ones with every packet. */
const REMEMBERED_MAX = 4096;
const remembered = new Map<string, Reach>();

/** From where an IP address can be reached. */
export function reachOf(ip: string): Reach {
  const known = remembered.get(ip);
  if (known) return known;
  const reach = findReach(ip);
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  remembered.set(ip, reach);
  return reach;
}

function findReach(ip: string): Reach {
  const family = isIPv4(ip) ? 'ipv4' : 'ipv6';
  if (NOBODY.check(ip, family)) return 'none';
  if (LOOPBACK.check(ip, family)) return 'loopback';
  return PRIVATE.check(ip, family) ? 'private' : 'public';
}
