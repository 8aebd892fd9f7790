import type { PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { ExchangeError } from '../errors.ts';

/** The peer id that `text` names. Error: `PEER_ID_INVALID`. */
export function parsePeerId(text: string): PeerId {
  try {
    return peerIdFromString(text);
  } catch (error) {
    throw new ExchangeError('PEER_ID_INVALID', `Not a peer id: ${text}`, { peer: text }, { cause: error });
  }
}

/** True for an address of a peer behind a relay: `/…/p2p/<relay>/p2p-circuit`. */
export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some((part) => part.name === CIRCUIT);
}

const CIRCUIT = 'p2p-circuit';

/** The parts between the port and the peer's own id, for each form that the node dials: directly, and by a relay. */
const DIALABLE_ENDS = new Set(['', `p2p/${CIRCUIT}`]);

/**
 * Splits what the node dials, IPv4 or IPv6 with TCP, into address and peer id. DNS addresses are not resolved (04 §1).
 * Undefined for any other form.
 */
function split(address: Multiaddr): { address: Multiaddr; owner: string | undefined } | undefined {
  const parts = address.getComponents();
  const [ip, tcp, ...rest] = parts.map((part) => part.name);
  if ((ip !== 'ip4' && ip !== 'ip6') || tcp !== 'tcp') return undefined;
  const owned = rest.at(-1) === 'p2p';
  if (!DIALABLE_ENDS.has((owned ? rest.slice(0, -1) : rest).join('/'))) return undefined;
  return owned
    ? { address: address.decapsulateCode(CODE_P2P), owner: parts.at(-1)?.value }
    : { address, owner: undefined };
}

/**
 * Addresses of `peer`, without their own `/p2p` part. What cannot be dialled is left out; an address of another peer
 * too. Error: `ADDRESS_INVALID` when nothing remains.
 */
export function parseAddresses(peer: PeerId, texts: readonly string[]): Multiaddr[] {
  const usable: Multiaddr[] = [];
  for (const text of texts.slice(0, ADDRESSES_PER_PEER_MAX)) {
    let found: ReturnType<typeof split>;
    try {
      found = split(multiaddr(text));
    } catch {
      continue;
    }
    if (found && (found.owner === undefined || found.owner === peer.toString())) usable.push(found.address);
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

/** Splits `/ip4/…/tcp/…[/p2p/<relay>/p2p-circuit]/p2p/<id>` into peer and address. Errors: `PEER_ID_INVALID`, `ADDRESS_INVALID`. */
export function parsePeerAddress(text: string): { peer: string; address: string } {
  const cut = text.lastIndexOf('/p2p/');
  if (cut < 0) throw new ExchangeError('PEER_ID_INVALID', `No /p2p/<peer id> in ${text}`, { address: text });
  const peer = parsePeerId(text.slice(cut + 5));
  const [address] = parseAddresses(peer, [text]);
  return { peer: peer.toString(), address: `${address}` };
}
