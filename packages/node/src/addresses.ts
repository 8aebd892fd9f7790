import { isIPv4 } from 'node:net';
import { type Address, formatAddress, parseAddress, type Reach, reachOf } from '@codex/discovery';
import type { NatSetting } from './config/index.ts';

const ORDER: readonly Reach[] = ['public', 'private', 'loopback'];

/**
 * The TCP addresses that a node announces (07 §2). `listening` are its listen addresses, wildcards expanded and ports
 * real.
 *
 * With `extip` the given address takes the place of every host of its family, duplicates dropped. Otherwise the
 * addresses themselves, public ones first; loopback only when there is nothing else, so that nodes on one machine still
 * find each other while no peer elsewhere is told to dial itself.
 */
export function announcedAddresses(listening: readonly string[], nat: NatSetting): string[] {
  const parsed = listening.map(parseAddress).filter((address): address is Address => address?.transport === 'tcp');
  if (nat.mode === 'extip') {
    const protocol = isIPv4(nat.ip) ? 'ip4' : 'ip6';
    const ports = [
      ...new Set(parsed.filter((address) => address.protocol === protocol).map((address) => address.port)),
    ];
    return ports.map((port) => formatAddress({ protocol, host: nat.ip, transport: 'tcp', port }));
  }
  const ranked = ORDER.map((reach) =>
    parsed.filter((address) => address.kind !== 'dns' && reachOf(address.host) === reach).map(formatAddress),
  );
  const [reachable, loopback] = [ranked.slice(0, 2).flat(), ranked[2] ?? []];
  return [...new Set(reachable.length > 0 ? reachable : loopback)];
}
