export { detection, samplesFor } from './detection.ts';
export { DURABILITY_ERRORS, DurabilityError, type DurabilityErrorCode } from './errors.ts';
export { type DurabilityModel, lossProbability, meanTimeToLoss, SLOTS_MAX } from './loss.ts';
export { type Plan, type PlanInput, plan, slotBytes } from './plan.ts';
