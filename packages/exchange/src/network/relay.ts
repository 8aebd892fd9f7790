import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import { dcutr } from '@libp2p/dcutr';
import { parsePeerAddress } from './addresses.ts';

/**
 * Ours; the reference has no relays. A client dials `/p2p-circuit` addresses, may take places at relays so that others
 * reach it there, and replaces a relayed connection by a direct one where either side has a public address. A server
 * lends its connections to clients.
 */
export interface RelayInit {
  readonly client: boolean;
  readonly server: boolean;
  /** Where to take a place, as `/ip4/…/tcp/…/p2p/<peer id>`; these peers are kept connected. Makes a client. */
  readonly relays: readonly string[];
}

/** Clients that have a place at this relay at one time: each may cost the traffic below, in both directions. */
const PLACES_MAX = 64;
/** One relayed connection: enough for a dataset of some size, too little to live on a relay for ever. */
const RELAYED_MAX_BYTES = 256 * 2 ** 20;
const RELAYED_MAX_MS = 30 * 60_000;

/** What libp2p needs for it. This file is loaded only when relaying is on. */
export function relayParts(init: RelayInit) {
  const relays = new Set(init.relays.map((address) => parsePeerAddress(address).peer));
  const client = init.client || relays.size > 0;
  return {
    // libp2p would take a place at any peer that relays; a peer that is "known already" is passed over.
    transports: client
      ? [
          circuitRelayTransport({
            discoveryFilter: { has: (peer) => !relays.has(peer.toString()), add: () => {}, remove: () => {} },
          }),
        ]
      : [],
    services: {
      ...(client && { dcutr: dcutr() }),
      ...(init.server && {
        relay: circuitRelayServer({
          reservations: {
            maxReservations: PLACES_MAX,
            defaultDataLimit: BigInt(RELAYED_MAX_BYTES),
            defaultDurationLimit: RELAYED_MAX_MS,
          },
        }),
      }),
    },
    /** One place at each. */
    listenAddrs: [...relays].map(() => '/p2p-circuit'),
  };
}
