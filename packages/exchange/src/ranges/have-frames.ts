import type { LeafRange } from '@codex/content';
import { encodeHaveBits, encodeHaveRuns } from './wire.ts';

/** Runs of one frame. */
const RUNS_MAX = 1024;
/** Leaves of one bitmap frame: 32 KiB. */
const BITS_LEAVES = 256 * 1024;

/** Frames that tell the held runs of a tree: as runs, or as a bitmap where that is shorter. */
export function* haveFrames(tree: number, held: Iterable<LeafRange>): Generator<Uint8Array> {
  let runs: LeafRange[] = [];
  const flush = () => {
    const frame = encodeHave(tree, runs);
    runs = [];
    return frame;
  };
  for (const run of held) {
    const first = runs[0];
    if (first && (runs.length === RUNS_MAX || run.start + run.count - alignDown(first.start) > BITS_LEAVES))
      yield flush();
    runs.push(run);
  }
  if (runs.length > 0) yield flush();
}

const alignDown = (index: number) => index - (index % 8);

function encodeHave(tree: number, runs: readonly LeafRange[]): Uint8Array {
  const first = alignDown(runs[0]!.start);
  const last = runs.at(-1)!;
  const bytes = Math.ceil((last.start + last.count - first) / 8);
  if (bytes >= runs.length * 8 || bytes > BITS_LEAVES / 8) return encodeHaveRuns(tree, runs);
  const bits = new Uint8Array(bytes);
  for (const { start, count } of runs) {
    for (let i = start - first; i < start - first + count; i++) bits[i >> 3]! |= 1 << (i & 7);
  }
  return encodeHaveBits(tree, first, bits);
}
