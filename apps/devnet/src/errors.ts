import { CodexError } from '@codex/runtime';

/** The codes that this package throws; `docs/errors.md` is checked against them. */
export const DEVNET_ERRORS = {
  NODE_EXITED: 'a node process ended before it was ready, or while it was needed',
  NODE_NOT_READY: 'a node process did not report that it was ready in time',
  NODE_NOT_JOINED: 'a node did not find another one through the DHT in time',
  NODE_REFUSED: 'a node answered a request with an error status',
  NODE_UNREACHABLE: 'a request to a node failed before it was answered',
  NODE_STATE: 'a node was started or killed in the wrong state',
  FILE_UNUSABLE: 'the file to store is missing, empty, unreadable or no regular file',
  DIRECTORY_UNUSABLE: 'the directory for the network cannot be made or written',
  NO_DISK_SPACE: 'the disk has too little room for the copies that the nodes will keep',
  STORY_STUCK: 'what the story waits for did not happen on the chain in time',
  STORY_FAILED: 'the request failed, was cancelled, or money is not where the rules put it',
  CONTENT_DIFFERS: 'what a node delivered is not what was stored',
  USAGE: 'the command line has an unknown option or a bad value',
} as const;

export type DevnetErrorCode = keyof typeof DEVNET_ERRORS;

export class DevnetError extends CodexError {
  override readonly name = 'DevnetError';

  constructor(code: DevnetErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
