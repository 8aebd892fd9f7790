export {
  type Datagram,
  type DatagramNetwork,
  type DatagramSocket,
  type Endpoint,
  endpointText,
} from './datagram/datagram.ts';
export { type LinkFaults, MemoryDatagrams } from './datagram/memory.ts';
export { UdpDatagrams } from './datagram/udp.ts';
export {
  Discovery,
  type DiscoveryComponents,
  type DiscoveryInit,
  type FindProvidersOptions,
  type KnownNode,
  type ProvideOptions,
} from './discovery.ts';
export { DISCOVERY_ERRORS, DiscoveryError, type DiscoveryErrorCode } from './errors.ts';
export { Identity } from './identity/identity.ts';
export { compareDistance, logDistance, NodeId } from './identity/node-id.ts';
export type { LookupResult } from './lookup.ts';
export type { Request, Response } from './message/message.ts';
export { type MessageHandlers, Messenger } from './message/messenger.ts';
export { type Address, formatAddress, parseAddress, parsePeerAddress } from './record/multiaddr.ts';
export { type Reach, reachOf } from './record/reach.ts';
export { RecordReader, SignedRecord } from './record/signed-record.ts';
export type { Announced } from './service/announcer.ts';
export { DISCOVERY_LIMITS, type DiscoveryLimits } from './service/limits.ts';
export type { Contact } from './session/contact.ts';
export { type Curve, type EphemeralKey, secp256k1Curve } from './session/curve.ts';
export { LmdbStorage } from './storage/lmdb-storage.ts';
export { MemoryStorage } from './storage/memory-storage.ts';
export type { DiscoveryStorage, StoredChange, StoredEntry } from './storage/storage.ts';
export { addressGroup, type GroupOf } from './table/address-group.ts';
