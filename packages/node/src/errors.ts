import { CodexError } from '@codex/runtime';
import { API_ERRORS } from './api/errors.ts';

/** The codes that this package throws; those of the REST API stand beside its routes. */
export const NODE_ERRORS = {
  ...API_ERRORS,
  CONFIG_INVALID: 'an option has a value that it does not take (data: option, source, value, allowed)',
  CONFIG_FILE_INVALID: 'the configuration file cannot be read, or is no TOML of options',
  OPTION_UNKNOWN: 'there is no option of this name',
  OPTION_UNSUPPORTED: 'an option or subcommand that this release cannot honour',
  ARGUMENT_UNEXPECTED: 'an argument of the command line that belongs to no option',
  LOG_LEVEL_INVALID: 'a log level specification cannot be parsed',
  LOG_FILE_UNWRITABLE: 'the log file cannot be opened',
  METRIC_CONFLICT: 'one metric name was registered with two types or two sets of labels',
  LISTEN_FAILED: 'a server or the UDP socket of discovery cannot listen on its address',
  DATA_DIR_UNUSABLE: 'the data directory cannot be created, or belongs to somebody else',
  KEY_FILE_UNSAFE: 'others can read or change the key file',
  KEY_FILE_INVALID: 'the key file cannot be read, or holds no secp256k1 private key',
  ETHEREUM_ACCOUNT_MISSING: 'persistence was asked for without an account',
  MARKET_ENDED: 'the node stops while its marketplace starts',
  PROVING_KEY_FOREIGN: 'the network proves with another key than this node (data: expected, sha256)',
  PROOF_FILE_INVALID: 'what was given as a proof is no proof file',
  PROOF_LATE: 'the deadline of a proof passed before it was made (data: deadline)',
  PROOF_QUEUE_FULL: 'too many proofs wait for their turn',
  PROOF_REJECTED: 'a proof that was made here does not verify (data: samples, sha256)',
  PROVING_FILES_MISSING: 'there is no witness generator or proving key for so many samples (data: samples)',
  PROVING_MEMORY: 'a proof would take more memory than it may (data: neededBytes, limitBytes)',
  PROVING_STOPPED: 'the node stops while a proof is made or waits',
  SLOTS_MISSING: 'a dataset without slots was to be proved (data: cid)',
  GATEWAY_REFUSED: 'a gateway answered that it does not map a port (data: code)',
  GATEWAY_FAILED: 'a gateway did not answer, or not what its protocol says',
  STOP_DEADLINE_EXCEEDED: 'the node did not stop in time',
} as const;

export type NodeErrorCode = keyof typeof NODE_ERRORS;

export class NodeError extends CodexError {
  override readonly name: string = 'NodeError';
  declare readonly code: NodeErrorCode;

  constructor(code: NodeErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
