import { CliError } from './errors.ts';

export interface PeerTarget {
  readonly peer: string;
  readonly addresses: readonly string[];
}

/** Reads `PEER ADDRESS…`, or one address that ends in `/p2p/PEER`. Error: USAGE. */
export function peerTarget(peer: string, addresses: readonly string[]): PeerTarget {
  if (!peer.startsWith('/')) return { peer, addresses };
  const at = peer.lastIndexOf('/p2p/');
  if (at < 0) throw new CliError('USAGE', `${peer} does not end in /p2p/<peer id>`, { peer });
  return { peer: peer.slice(at + '/p2p/'.length), addresses: [peer.slice(0, at), ...addresses] };
}
