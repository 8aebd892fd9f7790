import { isCodexError } from '@codex/runtime';
import { ERROR_TYPE, HttpError } from './respond.ts';

/** The reference's text for what is not there (06 §2). */
export function notRetrieved(why: string): string {
  return `The requested CID could not be retrieved (${why}).`;
}

/** The two download routes label their 404s with a charset (06 §1). */
export const DOWNLOAD_ERROR_TYPE = `${ERROR_TYPE}; charset=utf-8`;

/** How each coded error that can reach a client looks there. Everything else is 500. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (!isCodexError(error)) return new HttpError(500, 'Internal error');
  switch (error.code) {
    case 'CID_INVALID':
      return new HttpError(400, 'Incorrect Cid');
    case 'BLOCK_NOT_FOUND':
      return new HttpError(404, notRetrieved('Block not found'), DOWNLOAD_ERROR_TYPE);
    case 'MANIFEST_INVALID':
      return new HttpError(404, 'Unable to decode as manifest', DOWNLOAD_ERROR_TYPE);
    case 'FETCH_TIMEOUT':
      return new HttpError(504, notRetrieved(error.message));
    case 'ERASURE_TOO_MANY_LOSSES':
      return new HttpError(404, notRetrieved(error.message), DOWNLOAD_ERROR_TYPE);
    case 'ERASURE_DATASET_TOO_SMALL':
      return new HttpError(422, tooSmall(error.data?.minSize));
    case 'ERASURE_MANIFEST_UNSUITABLE':
    case 'ERASURE_PARAMETERS_INVALID':
    case 'ERASURE_TREE_MISMATCH':
      return new HttpError(422, error.message);
    case 'PROOF_FILE_INVALID':
      return new HttpError(400, error.message);
    case 'SLOTS_MISSING':
    case 'SLOTS_MANIFEST_INVALID':
    case 'SLOT_INPUT_INVALID':
    case 'SLOT_ROOT_MISMATCH':
    case 'GROTH16_INPUT_INVALID':
      return new HttpError(422, error.message);
    case 'AVAILABILITY_INVALID':
    case 'PURCHASE_INVALID':
    case 'AVAILABILITIES_LIMIT':
    case 'MARKET_REVERTED':
      return new HttpError(422, error.message);
    case 'FUNDS_MISSING':
      return new HttpError(402, error.message);
    case 'AVAILABILITY_UNKNOWN':
      return new HttpError(404, error.message);
    case 'PURCHASE_KEY_REUSED':
      return new HttpError(409, error.message);
    case 'PURCHASES_LIMIT':
    case 'CHAIN_UNREACHABLE':
    case 'MARKET_STOPPED':
      return new HttpError(503, error.message);
    case 'PROOF_LATE':
      return new HttpError(504, error.message);
    case 'PROOF_QUEUE_FULL':
    case 'PROVING_FILES_MISSING':
    case 'CIRCUIT_COMPILER_MISSING':
    case 'GROTH16_FILE_INVALID':
    case 'GROTH16_FILE_UNREADABLE':
    case 'GROTH16_KEY_HASH_MISMATCH':
    case 'GROTH16_WITNESS_MISMATCH':
    case 'PROVING_MEMORY':
    case 'PROVING_STOPPED':
      return new HttpError(503, error.message);
    case 'ASSEMBLY_BUSY':
    case 'SLOT_CELL_CORRUPT':
    case 'ERASURE_BLOCK_MISSING':
      return new HttpError(409, error.message);
    case 'BODY_STALLED':
      return new HttpError(408, error.message);
    case 'BLOCK_IN_USE':
      return new HttpError(409, error.message);
    case 'QUOTA_EXCEEDED':
    case 'DISK_FULL':
      return new HttpError(507, error.message);
    // A manifest of a stranger that contradicts the tree it names, or asks for blocks of an impossible size.
    case 'DATASET_MISMATCH':
    case 'BLOCK_SIZE_INVALID':
      return new HttpError(422, error.message);
    case 'API_STOPPED':
    case 'STORE_CLOSED':
    case 'EXCHANGE_STOPPED':
    case 'NETWORK_STOPPED':
    case 'FETCHES_LIMIT':
    case 'CODING_LIMIT':
    case 'COMPUTE_STOPPED':
      return new HttpError(503, error.message);
    default:
      return new HttpError(500, error.message);
  }
}

/** The reference's text (06 §4). */
function tooSmall(minBytes: unknown): string {
  return `Dataset too small for erasure parameters, need at least ${minBytes} bytes`;
}
