import { SignedRecord } from '@codex/discovery';
import { isCodexError, type Logger } from '@codex/runtime';

/** How much of a damaged record is logged: enough to find it in a list. */
const SHOWN_CHARS = 60;

/**
 * The records of `--bootstrap-node`. One that is damaged is logged and skipped, so that one bad entry of a published list
 * does not keep a node from starting.
 */
export function bootstrapRecords(uris: readonly string[], logger: Logger): SignedRecord[] {
  return uris.flatMap((uri) => {
    try {
      return [SignedRecord.parse(uri)];
    } catch (error) {
      if (!isCodexError(error, 'RECORD_INVALID')) throw error;
      logger.warn('Bootstrap record ignored', { error, spr: uri.slice(0, SHOWN_CHARS) });
      return [];
    }
  });
}
