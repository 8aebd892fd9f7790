import { CodexError } from '@codex/runtime';

/** The codes that the client verbs end with. */
export const CLI_ERRORS = {
  USAGE: 'the command line is wrong',
  NODE_UNREACHABLE: 'no node answers at the address of its REST API',
  NODE_TIMEOUT: 'the node took a request but sends nothing',
  NOT_FOUND: 'neither the node nor a peer that it reaches has what was asked for',
  REQUEST_REFUSED: 'the node answered with an error (data: status, and the text of the node)',
  ANSWER_INVALID: 'the answer is not that of a Codex node',
  TRANSFER_INCOMPLETE: 'a transfer ended before all bytes had come',
  FILE_UNREADABLE: 'a local file cannot be read',
  FILE_UNWRITABLE: 'a local file cannot be written',
  FILE_EXISTS: 'the output file is there already',
  DEPLOYMENT_FAILED: 'contracts could not be deployed (data: reason)',
  PURCHASE_FAILED: 'a purchase ended before it started, or failed (data: id, state)',
  PROOF_REJECTED: 'a proof file was checked and is wrong (data: reason)',
  INTERRUPTED: 'the user ended the command',
  OUTPUT_CLOSED: 'whoever reads the output went away',
} as const;

export type CliErrorCode = keyof typeof CLI_ERRORS;

export class CliError extends CodexError {
  override readonly name: string = 'CliError';
  declare readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
