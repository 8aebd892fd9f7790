import { writeSync } from 'node:fs';
import { InlineCompute } from '@codex/compute';
import { developmentKey } from '../../../src/index.ts';

/** A process that begins to make a key, says so, and is to be killed then. */
const [r1cs = '', digest = '', cache = ''] = process.argv.slice(2);
await developmentKey(
  { compute: new InlineCompute() },
  {
    circuit: { r1cs, digest },
    cache,
    onProgress() {
      writeSync(1, 'working\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
  },
);
