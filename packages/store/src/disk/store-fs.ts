import { chmod, mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';

/** An open file, as far as the store needs one. Positions and lengths in bytes. */
export interface StoreFile {
  /** Reads until `target` is full or the file ends; returns the bytes read. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `views` one after another, or fails. */
  write(views: readonly Uint8Array[], position: number): Promise<void>;
  /** Resolves when what was written survives a power loss. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** The file system behind a seam, so that tests can fill disks and tear writes. */
export interface StoreFs {
  /** `read` needs an existing file; `write` creates it. */
  open(path: string, mode: 'read' | 'write'): Promise<StoreFile>;
  /** Makes a directory with its parents, for its owner only (0700); corrects looser rights. */
  prepareDirectory(path: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  remove(path: string): Promise<void>;
  /** Bytes that may still be written to the file system of a directory. */
  freeBytes(directory: string): Promise<number>;
  /** Makes creations and removals in a directory durable. */
  syncDirectory(path: string): Promise<void>;
}

/** More views than one system call takes are written in several (IOV_MAX is 1024). */
const VIEWS_PER_WRITE = 1000;

export const nodeFs: StoreFs = {
  async open(path, mode) {
    // Not 'a+': positions must hold; not 'w': what is there must stay.
    const handle =
      mode === 'read' ? await open(path, 'r') : await open(path, 'r+').catch((error) => createOn(error, path));
    return {
      async read(target, position) {
        let done = 0;
        while (done < target.length) {
          const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return done;
      },
      async write(views, position) {
        let at = position;
        for (let i = 0; i < views.length; i += VIEWS_PER_WRITE) {
          let rest = views.slice(i, i + VIEWS_PER_WRITE);
          while (rest.length > 0) {
            const { bytesWritten } = await handle.writev(rest as Uint8Array<ArrayBuffer>[], at);
            at += bytesWritten;
            rest = behind(rest, bytesWritten);
          }
        }
      },
      sync: () => handle.datasync(),
      truncate: (length) => handle.truncate(length),
      size: async () => (await handle.stat()).size,
      close: () => handle.close(),
    };
  },
  async prepareDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o700);
  },
  list: (directory) => readdir(directory),
  remove: (path) => rm(path, { force: true }),
  async freeBytes(directory) {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  },
  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

function createOn(error: unknown, path: string) {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return open(path, 'wx+', 0o600);
  throw error;
}

/** What is left of `views` after their first `bytes` bytes were written. */
function behind(views: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  let i = 0;
  while (i < views.length && skip >= views[i]!.length) skip -= views[i++]!.length;
  const rest = views.slice(i);
  if (skip > 0) rest[0] = rest[0]!.subarray(skip);
  return rest;
}
