export { DEFAULT_LIMITS, type ExchangeLimits } from './engine/limits.ts';
export { EXCHANGE_ERRORS, ExchangeError, type ExchangeErrorCode } from './errors.ts';
export { Exchange, type ExchangeComponents, type ExchangeInit } from './exchange.ts';
export type { BlockFetcher, FetchDatasetOptions, FetchProgress, PeerFinder } from './fetcher.ts';
export { parsePeerAddress } from './network/addresses.ts';
export { Libp2pNetwork, type Libp2pNetworkComponents, type Libp2pNetworkInit } from './network/libp2p-network.ts';
export { MemoryHub, type MemoryLink, MemoryNetwork } from './network/memory-network.ts';
export type { HandleOptions, PeerNetwork, PeerStream, StreamHandler, StreamSink } from './network/network.ts';
export { type StaticPeer, StaticPeers } from './network/static-peers.ts';
