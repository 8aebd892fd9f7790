export type { DecodeInput, ErasureCodec } from './codec/codec.ts';
export { createCodec } from './codec/create-codec.ts';
export { CHUNK_BYTES, CODE_ROWS_MAX, type CodeParameters, checkParameters } from './codec/params.ts';
export { ReferenceCodec } from './codec/reference.ts';
export { ERASURE_ERRORS, ErasureError, type ErasureErrorCode } from './errors.ts';
