import type { Engine } from './engine.ts';
import { EXPIRING, expiryKey, TABLE } from './records.ts';

/** Deleted in one go: about a ms of the main thread. */
const STEP = 32;

/** Deletes what expired before `nowMs`, in order of time, `limit` entries at most (03, Do better). */
export async function expireOnce(engine: Engine, nowMs: number, limit: number): Promise<void> {
  const { tables, manifests, index, store, reaper, committer, trees } = engine;
  const end = expiryKey(nowMs, EXPIRING.block, new Uint8Array(0)).subarray(0, 9);
  for (let left = limit; left > 0; ) {
    const expired = tables.page(TABLE.expiry, end, Math.min(STEP, left));
    if (expired.length === 0) break;
    await store.exclusively(() => {
      for (const [key] of expired) {
        const digest = key.subarray(10);
        if (key[9] === EXPIRING.manifest) manifests.delete(digest);
        else index.unpin(digest);
        // An entry whose subject is gone must not come up again.
        tables.delete(key);
      }
    });
    left -= expired.length;
    await reaper.drain();
    await committer.wrote(0);
  }
  trees.sweepOrphans();
  await reaper.drain();
}
