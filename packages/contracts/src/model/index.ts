export type { Call } from './calls.ts';
export { configurationError } from './configuration.ts';
export type { ModelEvent } from './events.ts';
export { requestIdOf, slotIdOf } from './ids.ts';
export { brokenInvariants, owedOf } from './invariants.ts';
export { type CallResult, MarketplaceModel } from './marketplace-model.ts';
export { RequestState, SlotState } from './states.ts';
export { brokenTransitions, type Mover, type StatesSeen, statesSeen } from './transitions.ts';
export type { Address, Block, Bytes32, ModelConfig, ProofClaim, Request } from './types.ts';
