import { CodexError } from '@codex/runtime';

/** The codes that this package throws, documented in `docs/errors.md`. */
export const CONTENT_ERRORS = {
  CID_INVALID: 'text or bytes are not a content id that is accepted here',
  INDEXING_INVALID: 'an index strategy was asked for an impossible split',
  MANIFEST_INVALID: 'bytes are not a manifest, or its fields contradict each other',
  PROOF_INVALID: 'an inclusion proof is malformed or does not lead to the root',
  PROTOBUF_INVALID: 'bytes are not a well-formed protobuf message',
  TREE_INVALID: 'a tree has no leaves, too many, or nodes of a wrong length',
} as const;

export type ContentErrorCode = keyof typeof CONTENT_ERRORS;

export class ContentError extends CodexError {
  override readonly name = 'ContentError';

  constructor(code: ContentErrorCode, message: string, data?: Record<string, unknown>, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
