import type { Multiaddr } from '@multiformats/multiaddr';

/** What libp2p keeps about the addresses of a host; its own components give it. */
export interface AddressBook {
  getAddressesWithMetadata(): readonly {
    readonly multiaddr: Multiaddr;
    readonly type: string;
    readonly verified: boolean;
  }[];
  confirmObservedAddr(address: Multiaddr): void;
  getAddresses(): readonly Multiaddr[];
}

/**
 * The addresses that the host listens on, without `/p2p/<own id>`. libp2p hides public ones until other nodes have
 * dialled them on request, which nodes of this network do not do; a node that is bound to an address may name it.
 */
export function listenAddresses(book: AddressBook): string[] {
  for (const { multiaddr, type, verified } of book.getAddressesWithMetadata()) {
    if (type === 'transport' && !verified) book.confirmObservedAddr(multiaddr);
  }
  return book.getAddresses().map((address) => `${address}`.replace(/\/p2p\/[^/]+$/, ''));
}
