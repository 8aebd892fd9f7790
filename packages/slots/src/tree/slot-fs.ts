import { chmod, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';

/** An open file. Positions and lengths in bytes. */
export interface SlotFile {
  /** Reads until `target` is full or the file ends; returns the bytes read. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, or fails. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Resolves when what was written survives a power loss. */
  sync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** The file system behind a seam, so that tests can fill disks and tear writes. */
export interface SlotFs {
  /** `read` needs a file; `create` makes a new one, for its owner only (0600), to be read and written. */
  open(path: string, mode: 'read' | 'create'): Promise<SlotFile>;
  /** Makes a directory with its parents, for its owner only (0700); corrects looser rights. */
  prepareDirectory(path: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  /** Nothing happens when there is no such file. */
  remove(path: string): Promise<void>;
  /** Makes creations, renamings and removals in a directory durable. */
  syncDirectory(path: string): Promise<void>;
}

export const nodeSlotFs: SlotFs = {
  async open(path, mode) {
    const handle = mode === 'read' ? await open(path, 'r') : await open(path, 'wx+', 0o600);
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
      async write(bytes, position) {
        let done = 0;
        while (done < bytes.length) {
          done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
        }
      },
      sync: () => handle.datasync(),
      size: async () => (await handle.stat()).size,
      close: () => handle.close(),
    };
  },
  async prepareDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o700);
  },
  list: (directory) => readdir(directory),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};
