export { CLI_ERRORS, CliError, type CliErrorCode } from './errors.ts';
export { EXIT } from './exit-codes.ts';
export { runVerb } from './run-verb.ts';
