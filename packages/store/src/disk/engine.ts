import { join } from 'node:path';
import type { Compute, SlabPool } from '@codex/compute';
import { type Clock, isCodexError } from '@codex/runtime';
import { StoreError } from '../errors.ts';
import { Quota } from '../quota.ts';
import { Assemblies } from './assemblies.ts';
import { BlockIndex, readSegments } from './block-index.ts';
import { BlockReader } from './block-reader.ts';
import { BlockStore } from './block-store.ts';
import { Committer } from './committer.ts';
import { Compactor } from './compactor.ts';
import { DatasetHandles } from './dataset-handles.ts';
import { LeafReader } from './dataset-reader.ts';
import { DirectoryLock } from './directory-lock.ts';
import { Manifests } from './manifests.ts';
import { Reaper } from './reaper.ts';
import { decodeNumbers, TABLE } from './records.ts';
import { SegmentLog } from './segment-log.ts';
import type { StoreFs } from './store-fs.ts';
import { Tables } from './tables.ts';
import { Trees } from './trees.ts';

/** The layout of segments and index that this code reads and writes; see the migration notes of the package. */
const FORMAT = 'codex-store 1';

/** What an empty index and its lock take, and something to spare. */
const NEW_INDEX_BYTES = 128 * 1024;

/** The parts of an open repository. */
export type Engine = Awaited<ReturnType<typeof openEngine>>;

/** Locks and opens a directory and puts it in order. */
export async function openEngine(
  components: { fs: StoreFs; clock: Clock; compute: Compute; slabs: SlabPool },
  init: { path: string; quotaBytes: number; segmentBytes?: number },
) {
  const { fs, clock, compute, slabs } = components;
  const segmentsPath = join(init.path, 'segments');
  const metaPath = join(init.path, 'meta');
  let lock: DirectoryLock | undefined;
  let tables: Tables | undefined;
  try {
    for (const path of [init.path, segmentsPath, metaPath]) await fs.prepareDirectory(path);
    lock = await DirectoryLock.acquire(init.path);
    await checkRoom(fs, metaPath);
    tables = Tables.open(metaPath);
    checkFormat(tables);
    const committed = new Map([...readSegments(tables)].map(([number, { bytes }]) => [number, bytes]));
    const log = await SegmentLog.open(fs, segmentsPath, committed, init.segmentBytes);
    return assemble({ clock, compute, slabs, lock, tables, log }, init.quotaBytes);
  } catch (error) {
    await tables?.close();
    lock?.release();
    if (isCodexError(error)) throw error;
    const reason = (error as Error).message;
    throw new StoreError(
      'DATA_DIR_UNUSABLE',
      `The repository ${init.path} cannot be used: ${reason}`,
      { path: init.path },
      {
        cause: error,
      },
    );
  }
}

function assemble(
  components: {
    clock: Clock;
    compute: Compute;
    slabs: SlabPool;
    lock: DirectoryLock;
    tables: Tables;
    log: SegmentLog;
  },
  quotaBytes: number,
) {
  const { clock, compute, slabs, lock, tables, log } = components;
  const counters = tables.get(TABLE.counters);
  const [blocks = 0, usedBytes = 0, reservedBytes = 0] = counters ? decodeNumbers(counters) : [];
  const quota = new Quota(quotaBytes, { blocks, usedBytes, reservedBytes });
  const committer = new Committer({ tables, clock, sync: () => log.sync() });
  const index = new BlockIndex({ tables, quota, committer });
  const store = new BlockStore({ index, quota, committer, log });
  const reaper = new Reaper({ tables, index, store, committer });
  const handles = new DatasetHandles();
  const trees = new Trees({ tables, reaper, handles });
  const assemblies = new Assemblies({ tables, trees, reaper });
  const manifests = new Manifests({ tables, quota, trees, committer, index });
  const reader = new BlockReader({ index, store, files: log.files, compute });
  const leafReader = new LeafReader({ slabs, blocks: reader });
  const compactor = new Compactor({ index, store, committer, log });
  reaper.recover();
  trees.sweepOrphans();
  const close = async () => {
    try {
      await store.exclusively(() => committer.close());
    } finally {
      await log.close();
      await tables.close();
      lock.release();
    }
  };
  return {
    tables,
    quota,
    committer,
    index,
    store,
    reaper,
    handles,
    trees,
    assemblies,
    manifests,
    reader,
    leafReader,
    compactor,
    close,
  };
}

/**
 * The index maps its lock file into memory: where its pages cannot be had, making it kills the process. One that is
 * there is used without room. Error: `DISK_FULL`.
 */
async function checkRoom(fs: StoreFs, metaPath: string): Promise<void> {
  if ((await fs.list(metaPath)).includes('lock.mdb')) return;
  if ((await fs.freeBytes(metaPath)) >= NEW_INDEX_BYTES) return;
  throw new StoreError('DISK_FULL', `The disk has no room for a repository at ${metaPath}`, { path: metaPath });
}

/** Error: `FORMAT_UNSUPPORTED`. */
function checkFormat(tables: Tables): void {
  const found = tables.get(TABLE.version);
  if (!found) tables.put(TABLE.version, Buffer.from(FORMAT, 'latin1'));
  else if (Buffer.from(found).toString('latin1') !== FORMAT) {
    const format = Buffer.from(found).toString('latin1');
    throw new StoreError('FORMAT_UNSUPPORTED', `The repository has the format ${format}, not ${FORMAT}`, { format });
  }
}
