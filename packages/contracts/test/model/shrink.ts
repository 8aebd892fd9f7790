import { Disagreement, Play, type Scene, type Subject } from './play.ts';

/** Plays tried in search of a smaller one; each begins on a new chain. */
const TRIES_MAX = 150;

/** The fewest scenes and calls found that still end in a disagreement, by leaving out ever smaller parts. */
export async function shrink(
  subject: Subject,
  scenes: readonly Scene[],
): Promise<{ readonly scenes: readonly Scene[]; readonly message: string }> {
  let tries = 0;
  let best = scenes;
  let message = 'not played again';
  const fails = async (candidate: readonly Scene[]): Promise<boolean> => {
    tries++;
    const found = await disagreementOf(subject, candidate);
    if (found === undefined) return false;
    best = candidate;
    message = found;
    return true;
  };
  if (!(await fails(scenes))) return { scenes, message: 'it did not disagree again' };
  // First whole blocks: what they did to the clock goes to the block after them.
  for (let size = best.length >> 1; size >= 1 && tries < TRIES_MAX; size >>= 1) {
    for (let from = 0; from < best.length && tries < TRIES_MAX; ) {
      if (!(await fails(without(best, from, size)))) from += size;
    }
  }
  for (let scene = 0; scene < best.length; scene++) {
    for (let act = 0; act < (best[scene]?.acts.length ?? 0) && tries < TRIES_MAX; ) {
      const fewer = best.map((each, at) =>
        at === scene ? { ...each, acts: each.acts.filter((_, i) => i !== act) } : each,
      );
      if (!(await fails(fewer))) act++;
    }
  }
  return { scenes: best, message };
}

function without(scenes: readonly Scene[], from: number, size: number): Scene[] {
  const dropped = scenes.slice(from, from + size);
  const [next, ...rest] = scenes.slice(from + size);
  if (!next) return scenes.slice(0, from);
  const { timing } = next;
  const blocks = dropped.reduce((sum, each) => sum + each.timing.skip + 1, timing.skip);
  const seconds = dropped.reduce((sum, each) => sum + each.timing.advance, timing.advance);
  // Skipped blocks are a second apart, and the one that was left out is skipped too.
  const advance = seconds - BigInt(dropped.length);
  return [
    ...scenes.slice(0, from),
    { ...next, timing: { ...timing, skip: blocks, advance: advance > 0n ? advance : 1n } },
    ...rest,
  ];
}

/** What a play disagrees about; undefined when it comes to its end. */
async function disagreementOf(subject: Subject, scenes: readonly Scene[]): Promise<string | undefined> {
  const play = await Play.open(subject);
  try {
    for (const { timing, acts } of scenes)
      await play.block(
        timing,
        acts.map((act) => () => act),
      );
    return undefined;
  } catch (error) {
    if (error instanceof Disagreement) return error.message;
    throw error;
  } finally {
    await play.close();
  }
}
