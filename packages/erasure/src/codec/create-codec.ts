import type { ErasureCodec } from './codec.ts';
import { Kernel } from './kernel.ts';
import { KernelCodec } from './kernel-codec.ts';
import type { CodeParameters } from './params.ts';
import { ReferenceCodec } from './reference.ts';

/** The fastest codec that this thread can run. Error: `ERASURE_PARAMETERS_INVALID`. */
export function createCodec(parameters: CodeParameters, kernel = Kernel.ofThread()): ErasureCodec {
  return kernel ? new KernelCodec(parameters, kernel) : new ReferenceCodec(parameters);
}
