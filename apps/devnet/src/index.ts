export { DEVNET_ERRORS, DevnetError, type DevnetErrorCode } from './errors.ts';
export { Market, type MarketInit } from './market/market.ts';
export { MarketRest } from './market/market-rest.ts';
export { type JoinedNode, Network, type NetworkEvent, type NetworkInit, NODES_MAX, startNetwork } from './network.ts';
export { NetworkNode, type NetworkNodeInit } from './network-node.ts';
export { defaultNodeCommand, nodeEnvironment, PROJECT_ROOT } from './node-command.ts';
export { type Exit, NodeProcess, type NodeProcessInit } from './node-process.ts';
export { type Download, type NodeInfo, RestClient, type TransferOptions, type Upload } from './rest-client.ts';
