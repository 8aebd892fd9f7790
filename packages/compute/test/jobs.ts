/** Jobs that the tests run; workers load this file natively. */
import { isMainThread } from 'node:worker_threads';
import { CodexError } from '@codex/runtime';
import { defineJob, type Job } from '../src/index.ts';

export const double = defineJob(import.meta.url, 'double', (x: number) => 2 * x);

export const doubleLater = defineJob(import.meta.url, 'doubleLater', async (x: number) => {
  await new Promise((resolve) => setImmediate(resolve));
  return 2 * x;
});

export const failCoded = defineJob(import.meta.url, 'failCoded', (at: number): number => {
  throw new CodexError('TEST_FAILED', `Failed at ${at}`, { at });
});

export const failPlain = defineJob(import.meta.url, 'failPlain', (): number => {
  throw new TypeError('not like this');
});

export const failText = defineJob(import.meta.url, 'failText', (): number => {
  throw 'just words';
});

/** Writes into shared memory and returns the sum of what was there. */
export const fillAndSum = defineJob(
  import.meta.url,
  'fillAndSum',
  ({ bytes, value }: { bytes: Uint8Array; value: number }) => {
    const sum = bytes.reduce((total, byte) => total + byte, 0);
    bytes.fill(value);
    return sum;
  },
);

/** Waits until the first word of `gate` is not 0; works in a turn-taking way so that it also runs inline. */
export const waitForGate = defineJob(import.meta.url, 'waitForGate', async (gate: Int32Array<SharedArrayBuffer>) => {
  Atomics.add(gate, 1, 1);
  Atomics.notify(gate, 1);
  const opened = Atomics.waitAsync(gate, 0, 0);
  // Pending waits do not keep a thread alive.
  const keepAlive = setInterval(() => {}, 1000);
  await opened.value;
  clearInterval(keepAlive);
  return Atomics.load(gate, 0);
});

export const exitThread = defineJob(import.meta.url, 'exitThread', (): number => process.exit(7));

export const spinForever = defineJob(import.meta.url, 'spinForever', (gate: Int32Array<SharedArrayBuffer>): number => {
  Atomics.add(gate, 1, 1);
  Atomics.notify(gate, 1);
  for (;;);
});

export const eatMemory = defineJob(import.meta.url, 'eatMemory', (): number => {
  const kept: number[][] = [];
  for (;;) kept.push(new Array<number>(100_000).fill(kept.length));
});

/** Tells on which thread it ran. */
export const whereAmI: Job<null, boolean> = {
  module: import.meta.url,
  name: 'whereAmI',
  brief: true,
  run: () => isMainThread,
};

export const returnFunction = defineJob(import.meta.url, 'returnFunction', (): unknown => () => 1);

export const byteLength = defineJob(import.meta.url, 'byteLength', (bytes: Uint8Array) => bytes.length);

/** Not what it says it is. */
export const misnamed = defineJob(import.meta.url, 'noSuchExport', (x: number) => x);
export const misplaced = defineJob(new URL('./no-such-file.ts', import.meta.url).href, 'double', (x: number) => x);
