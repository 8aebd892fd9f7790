import type { PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { ExchangeError } from '../errors.ts';

/** The peer id that `text` names. Error: `PEER_ID_INVALID`. */
export function parsePeerId(text: string): PeerId {
  try {
    return peerIdFromString(text);
  } catch (error) {
    throw new ExchangeError('PEER_ID_INVALID', `Not a peer id: ${text}`, { peer: text }, { cause: error });
  }
}

/** True for what the node dials: IPv4 or IPv6 with TCP. DNS addresses are not resolved (04 §1). */
function isDialable(address: Multiaddr): boolean {
  const [ip, tcp, ...rest] = address.getComponents();
  if (!ip || !tcp || (ip.name !== 'ip4' && ip.name !== 'ip6') || tcp.name !== 'tcp') return false;
  return rest.every((part) => part.name === 'p2p');
}

/**
 * Addresses of `peer`, without their `/p2p` part. What cannot be dialled is left out; an address of another peer too.
 * Error: `ADDRESS_INVALID` when nothing remains.
 */
export function parseAddresses(peer: PeerId, texts: readonly string[]): Multiaddr[] {
  const usable: Multiaddr[] = [];
  for (const text of texts.slice(0, ADDRESSES_PER_PEER_MAX)) {
    let address: Multiaddr;
    try {
      address = multiaddr(text);
    } catch {
      continue;
    }
    if (!isDialable(address)) continue;
    const owner = address.getComponents().find((part) => part.name === 'p2p')?.value;
    if (owner !== undefined && owner !== peer.toString()) continue;
    usable.push(owner === undefined ? address : address.decapsulate('/p2p'));
  }
  if (usable.length === 0) {
    throw new ExchangeError('ADDRESS_INVALID', `No address of ${peer} can be dialled`, {
      peer: `${peer}`,
      addresses: texts,
    });
  }
  return usable;
}

/** Peers announce a handful; more would only make a dial slow. */
const ADDRESSES_PER_PEER_MAX = 32;

/** Splits `/ip4/…/tcp/…/p2p/<id>` into peer and address. Errors: `PEER_ID_INVALID`, `ADDRESS_INVALID`. */
export function parsePeerAddress(text: string): { peer: string; address: string } {
  const cut = text.lastIndexOf('/p2p/');
  if (cut < 0) throw new ExchangeError('PEER_ID_INVALID', `No /p2p/<peer id> in ${text}`, { address: text });
  const peer = parsePeerId(text.slice(cut + 5));
  const [address] = parseAddresses(peer, [text]);
  return { peer: peer.toString(), address: `${address}` };
}
