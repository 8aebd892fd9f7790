export { ERASURE_ERRORS, ErasureError, type ErasureErrorCode } from './errors.ts';
