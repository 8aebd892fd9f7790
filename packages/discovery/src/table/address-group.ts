import { isIPv6 } from 'node:net';
import { reachOf } from '../record/reach.ts';

/** Names whom addresses belong to, where that must be limited; undefined where it need not be. */
export type GroupOf = (ip: string) => string | undefined;

/**
 * One public IPv4 address, or one /64 of IPv6, is one party: whoever has it can make any number of identities for
 * nothing. Loopback and private addresses are not limited: whole networks run on one machine.
 */
export const addressGroup: GroupOf = (ip) => {
  if (reachOf(ip) !== 'public') return undefined;
  return isIPv6(ip) ? prefix64(ip) : ip;
};

/** The first four groups of an IPv6 address, in full. */
function prefix64(ip: string): string {
  const [head = '', tail] = ip.split('::');
  const left = head.split(':').filter((part) => part !== '');
  const right = tail === undefined ? [] : tail.split(':').filter((part) => part !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
