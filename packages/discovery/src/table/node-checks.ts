import { isIPv6 } from 'node:net';
import type { Endpoint } from '../datagram/datagram.ts';
import { logDistance, type NodeId } from '../identity/node-id.ts';
import { reachOf } from '../record/reach.ts';
import type { SignedRecord } from '../record/signed-record.ts';

/** Records of one answer that are looked at: what an honest node sends (05 §5). */
export const NODES_MAX = 16;
export const NODES_FAST_MAX = 6;

export interface Sender {
  readonly id: NodeId;
  readonly endpoint: Endpoint;
}

export interface Asked {
  readonly local: NodeId;
  /** Where our socket is bound: decides which addresses it can send to. */
  readonly from: Endpoint;
  /** Of a FINDNODE; undefined for FINDNODEFAST. */
  readonly distances?: readonly number[];
}

/** A record with the place where its node can be asked. */
export interface Reachable {
  readonly record: SignedRecord;
  readonly endpoint: Endpoint;
}

/** The records of a NODES answer that may be used (05 §5, "Checks on received NODES"): of other nodes, each once. */
export function usableNodes(records: readonly SignedRecord[], sender: Sender, asked: Asked): Reachable[] {
  const usable: Reachable[] = [];
  const seen = new Set<string>([asked.local.hex]);
  for (const record of records.slice(0, asked.distances ? NODES_MAX : NODES_FAST_MAX)) {
    const endpoint = record.udp;
    if (seen.has(record.nodeId.hex) || !endpoint || !canReach(asked.from, endpoint)) continue;
    seen.add(record.nodeId.hex);
    if (!isPlausible(endpoint, sender.endpoint)) continue;
    if (asked.distances && !asked.distances.includes(logDistance(record.nodeId, sender.id))) continue;
    usable.push({ record, endpoint });
  }
  return usable;
}

/** True when a socket bound to `from` can send to `to`: an IPv4 one has no IPv6, a bound IPv6 one no IPv4. */
export function canReach(from: Endpoint, to: Endpoint): boolean {
  if (to.port === 0 || reachOf(to.ip) === 'none') return false;
  if (from.ip === '::') return true;
  return isIPv6(from.ip) === isIPv6(to.ip);
}

/**
 * Nobody can tell of addresses that mean something else where he is. Who talks to us over loopback is on this machine,
 * so that its private addresses are ours as well (the reference refuses those).
 */
function isPlausible(told: Endpoint, by: Endpoint): boolean {
  const reach = reachOf(told.ip);
  const from = reachOf(by.ip);
  if (reach === 'loopback') return from === 'loopback';
  return reach !== 'private' || from !== 'public';
}
