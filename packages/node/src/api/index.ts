export { BASE_PATH } from './base-path.ts';
export type {
  ApiComponents,
  ApiFetcher,
  ApiInit,
  ApiMarket,
  ApiNetwork,
  ApiNode,
  ApiPeers,
  RoutingNode,
} from './components.ts';
export { API_LIMITS, type ApiLimits } from './limits.ts';
export { ApiServer } from './server.ts';
