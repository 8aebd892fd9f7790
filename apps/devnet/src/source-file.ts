import { access, constants, stat, statfs } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { DevnetError } from './errors.ts';
import { PROJECT_ROOT } from './node-command.ts';
import { formatBytes } from './units.ts';

export interface SourceFile {
  readonly path: string;
  readonly name: string;
  readonly size: number;
}

/** Beside the copies: trees, indices, logs and a margin, so that the demo does not fill the disk to the brim. */
const SPARE_BYTES = 256 * 1024 * 1024;
/** What a stored file takes beyond its own size: Merkle trees and records. */
const OVERHEAD = 1.02;

/** The largest real file that every installation has: the program that runs this. */
export const defaultFile = (): string => process.execPath;

/** The compiler of the proofs' circuit: megabytes, not more, for each of them is hashed for proofs several times. */
export const marketFile = (): string => join(PROJECT_ROOT, 'node_modules', 'circom2', 'circom.wasm');

/** Some hundred KiB of text: enough for three slots, and nothing to wait for. */
export const scenarioFile = (): string => join(PROJECT_ROOT, 'package-lock.json');

/** Checks that a file can be stored. Error: `FILE_UNUSABLE`, saying why. */
export async function openSource(path: string): Promise<SourceFile> {
  const unusable = (why: string) => new DevnetError('FILE_UNUSABLE', `${path} ${why}`, { path });
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw unusable(error.code === 'ENOENT' ? 'does not exist' : `cannot be looked at: ${error.message}`);
  });
  if (info.isDirectory()) throw unusable('is a directory: give a file');
  if (!info.isFile()) throw unusable('is not a regular file');
  if (info.size === 0) throw unusable('is empty: there is nothing to store');
  await access(path, constants.R_OK).catch(() => {
    throw unusable('may not be read by this user');
  });
  return { path: resolve(path), name: basename(path), size: info.size };
}

/** Error: `NO_DISK_SPACE` when `copies` of the file do not fit where `directory` is. */
export async function checkSpace(source: SourceFile, copies: number, directory: string): Promise<void> {
  const disk = await statfs(directory);
  const free = disk.bavail * disk.bsize;
  const needed = Math.ceil(source.size * copies * OVERHEAD) + SPARE_BYTES;
  if (free < needed) {
    const message = `${copies} copies of ${source.name} need ${formatBytes(needed)}, and ${directory} has ${formatBytes(free)} free`;
    throw new DevnetError('NO_DISK_SPACE', message, { directory, freeBytes: free, neededBytes: needed });
  }
}
