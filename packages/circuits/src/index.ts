export { type BuildOptions, buildCircuit, type CircuitFiles } from './compiler.ts';
export { CIRCUITS_ERRORS, CircuitError } from './errors.ts';
export { type CircuitParameters, checkParameters, constraintsOf, NETWORK_PARAMETERS } from './parameters.ts';
export { type CircuitSources, circuitSources } from './sources.ts';
