import { isIPv4, isIPv6 } from 'node:net';
import { type Address, type Endpoint, formatAddress, parseAddress, type Reach, reachOf } from '@codex/discovery';
import type { NatSetting } from './config/index.ts';
import type { MappedPorts, Transport, WantedPort } from './nat/index.ts';

const ORDER: readonly Reach[] = ['public', 'private', 'loopback'];

/** What a node knows of the ways that lead to it. */
export interface Ways {
  /** TCP listen addresses, wildcards expanded and ports real. */
  readonly listening: readonly string[];
  /** Where the DHT's socket is bound; its host may be unspecified. Undefined without one. */
  readonly udp: Endpoint | undefined;
  /** Addresses of this machine's interfaces. */
  readonly interfaces: readonly string[];
  /** What a gateway does. */
  readonly mapped: MappedPorts;
  /** A public endpoint of the DHT's socket on which many peers agree, while nothing that is announced explains it. */
  readonly observed: Endpoint | undefined;
}

export interface AnnouncedAddresses {
  readonly tcp: readonly string[];
  readonly udp: readonly string[];
}

/**
 * The addresses that a node announces (07 §2), each once, IPv4 before IPv6 and public ones first, because the first is
 * what the DHT uses.
 *
 * With `extip` the given address takes the place of every host of its family. Otherwise these are the mapped ones, if
 * the gateway is public itself, the observed one, and the node's own; loopback only when there is nothing else, so that
 * nodes on one machine still find each other while no peer elsewhere is told to dial itself.
 */
export function announcedAddresses(ways: Ways, nat: NatSetting): AnnouncedAddresses {
  const own = { tcp: tcpAddresses(ways.listening), udp: udpAddresses(ways) };
  if (nat.mode === 'extip') {
    return { tcp: replaceHosts(own.tcp, nat.ip), udp: replaceHosts(own.udp, nat.ip) };
  }
  const observed = ways.observed ? [addressOf(ways.observed.ip, 'udp', ways.observed.port)] : [];
  return {
    tcp: ranked([...mappedAddresses(ways.mapped, 'tcp'), ...own.tcp]),
    udp: ranked([...mappedAddresses(ways.mapped, 'udp'), ...observed, ...own.udp]),
  };
}

/**
 * The ports that a gateway should map: those bound to an IPv4 address that other machines reach. None in mode `any`
 * when one of these addresses is public.
 */
export function portsToMap(ways: Pick<Ways, 'listening' | 'udp' | 'interfaces'>, nat: NatSetting): WantedPort[] {
  if (nat.mode === 'none' || nat.mode === 'extip') return [];
  const bound = [...tcpAddresses(ways.listening), ...udpAddresses(ways)].filter(
    (address) => address.protocol === 'ip4' && ['public', 'private'].includes(reachOf(address.host)),
  );
  if (nat.mode === 'any' && bound.some((address) => reachOf(address.host) === 'public')) return [];
  const ports = new Map(bound.map(({ transport, port }) => [`${transport} ${port}`, { transport, port }]));
  return [...ports.values()];
}

function tcpAddresses(listening: readonly string[]): Address[] {
  return listening.map(parseAddress).filter((address): address is Address => address?.transport === 'tcp');
}

function udpAddresses({ udp, interfaces }: Pick<Ways, 'udp' | 'interfaces'>): Address[] {
  if (!udp) return [];
  const everywhere = udp.ip === '::' || udp.ip === '0.0.0.0';
  // A socket on :: takes IPv4 as well.
  const hosts = everywhere ? interfaces.filter((ip) => udp.ip === '::' || isIPv4(ip)) : [udp.ip];
  return hosts.map((host) => addressOf(host, 'udp', udp.port));
}

function mappedAddresses({ externalIp, mappings }: MappedPorts, transport: Transport): Address[] {
  // A gateway that has a private address itself stands behind another one, which maps nothing.
  if (externalIp === undefined || reachOf(externalIp) !== 'public') return [];
  const mapped = mappings.filter((mapping) => mapping.transport === transport);
  return mapped.map(({ externalPort }) => addressOf(externalIp, transport, externalPort));
}

function addressOf(host: string, transport: Transport, port: number): Address {
  const kind = isIPv6(host) ? 'ip6' : 'ip4';
  return { kind, protocol: kind, host, transport, port };
}

function replaceHosts(addresses: readonly Address[], host: string): string[] {
  const kind = isIPv6(host) ? 'ip6' : 'ip4';
  const same = addresses.filter((address) => address.kind === kind);
  return unique(same.map((address) => addressOf(host, address.transport, address.port)));
}

function ranked(addresses: readonly Address[]): string[] {
  const [outside = [], inside = [], loopback = []] = ORDER.map((reach) => {
    const same = addresses.filter((address) => address.kind !== 'dns' && reachOf(address.host) === reach);
    return [...same.filter((address) => address.kind === 'ip4'), ...same.filter((address) => address.kind === 'ip6')];
  });
  const reachable = [...outside, ...inside];
  return unique(reachable.length > 0 ? reachable : loopback);
}

function unique(addresses: readonly Address[]): string[] {
  return [...new Set(addresses.map(formatAddress))];
}
