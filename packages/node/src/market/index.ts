export { MarketPart } from './market-part.ts';
export type { NodeMarket } from './node-market.ts';
