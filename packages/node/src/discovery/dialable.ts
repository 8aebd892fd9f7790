import { parseAddress, type Reach, reachOf } from '@codex/discovery';

/** Addresses of one record that are dialled at most; real ones have one to three. */
const DIALLED_ADDRESSES_MAX = 8;
const ORDER: readonly Reach[] = ['public', 'private', 'loopback'];

/**
 * Those of a record's addresses that this node could reach, the best first. A record is signed by a stranger: without
 * this check one could make every node dial ports of its own machine or of its neighbours. Private addresses are for nodes
 * that listen in a private network, and loopback ones for nodes that announce nothing but loopback.
 */
export function dialableAddresses(
  addresses: readonly string[],
  own: { readonly listening: readonly string[]; readonly announced: readonly string[] },
): string[] {
  const reaches = (own: readonly string[]) => {
    return own
      .map(parseAddress)
      .flatMap((address) => (address && address.kind !== 'dns' ? [reachOf(address.host)] : []));
  };
  const announced = reaches(own.announced);
  const local = announced.length > 0 && announced.every((reach) => reach === 'loopback');
  const neighbours = local || reaches(own.listening).includes('private');
  const allowed: Readonly<Record<Reach, boolean>> = {
    public: true,
    private: neighbours,
    loopback: local,
    none: false,
  };
  const usable = addresses.flatMap((text) => {
    const address = parseAddress(text);
    if (address?.transport !== 'tcp' || address.port === 0 || address.kind === 'dns') return [];
    const reach = reachOf(address.host);
    return allowed[reach] ? [{ text, rank: ORDER.indexOf(reach) }] : [];
  });
  usable.sort((a, b) => a.rank - b.rank);
  return [...new Set(usable.map(({ text }) => text))].slice(0, DIALLED_ADDRESSES_MAX);
}
