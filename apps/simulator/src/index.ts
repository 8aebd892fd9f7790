export { type ChurnParameters, churn } from './dht/scenarios/churn.ts';
export { type EclipseParameters, eclipse } from './dht/scenarios/eclipse.ts';
export { type GrowthParameters, growth } from './dht/scenarios/growth.ts';
export { type HostileParameters, hostile } from './dht/scenarios/hostile.ts';
export { type LookupsParameters, lookups } from './dht/scenarios/lookups.ts';
export { type ReflectionParameters, reflection } from './dht/scenarios/reflection.ts';
export { type Check, passes, type ScenarioResult } from './result.ts';
