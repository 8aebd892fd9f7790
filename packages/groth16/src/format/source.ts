import { readSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Groth16Error } from '../errors.ts';

/** What a format is read from. It can be sent to a job: threads share open files. */
export interface Source {
  /** An open file, or bytes in memory. */
  readonly file: number | Uint8Array;
  readonly bytes: number;
  /** For messages. */
  readonly name: string;
}

export function invalid({ name }: Source, reason: string): Groth16Error {
  return new Groth16Error('GROTH16_FILE_INVALID', `${name} cannot be used: ${reason}`, { file: name, reason });
}

/** Fills the target with what lies there. Waits for the disk, so it is for jobs. `GROTH16_FILE_INVALID` if the file ends. */
export function readAt(source: Source, position: number, target: Uint8Array): void {
  const { file } = source;
  if (typeof file !== 'number') {
    if (position + target.byteLength > file.byteLength) throw invalid(source, 'it ends too early');
    target.set(file.subarray(position, position + target.byteLength));
    return;
  }
  for (let at = 0; at < target.byteLength; ) {
    const count = readSync(file, target, at, target.byteLength - at, position + at);
    if (count === 0) throw invalid(source, 'it ends too early');
    at += count;
  }
}

/** Opens a file for reading. `GROTH16_FILE_UNREADABLE`. */
export async function openFile(path: string): Promise<{ readonly handle: FileHandle; readonly source: Source }> {
  let handle: FileHandle | undefined;
  try {
    // Looked at first: to open a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw new Error('this is no file');
    handle = await open(path, 'r');
    return { handle, source: { file: handle.fd, bytes: (await handle.stat()).size, name: path } };
  } catch (cause) {
    await handle?.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Groth16Error('GROTH16_FILE_UNREADABLE', `${path} cannot be read: ${reason}`, { path, reason }, { cause });
  }
}

/** Lets a function read a file, which is open so long, or bytes. */
export async function withSource<T>(
  from: string | Uint8Array,
  name: string,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  if (typeof from !== 'string') return await use({ file: from, bytes: from.byteLength, name });
  const { handle, source } = await openFile(from);
  try {
    return await use(source);
  } finally {
    await handle.close();
  }
}
