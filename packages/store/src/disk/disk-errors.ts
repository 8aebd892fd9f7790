import { isCodexError } from '@codex/runtime';
import { StoreError } from '../errors.ts';

/** What the system says when there is no room: on the device, for the user, in the index. */
const FULL = /ENOSPC|EDQUOT|No space left|MDB_MAP_FULL|quota exceeded/i;

/** Errors of file system and index, with a code of ours: `DISK_FULL` or `DISK_FAILED`. Coded errors pass unchanged. */
export function diskError(error: unknown): Error {
  if (isCodexError(error)) return error;
  const text = `${(error as NodeJS.ErrnoException)?.code ?? ''} ${(error as Error)?.message ?? error}`;
  return FULL.test(text)
    ? new StoreError('DISK_FULL', 'The disk is full', {}, { cause: error })
    : new StoreError('DISK_FAILED', `The disk failed: ${text.trim()}`, {}, { cause: error });
}
