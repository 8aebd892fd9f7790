import type { ErasureCodec } from './codec.ts';
import type { CodeParameters } from './params.ts';
import { ReferenceCodec } from './reference.ts';

/** The fastest codec that this thread can run. Error: `ERASURE_PARAMETERS_INVALID`. */
export function createCodec(parameters: CodeParameters): ErasureCodec {
  return new ReferenceCodec(parameters);
}
