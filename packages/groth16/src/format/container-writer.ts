import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AbortOptions } from '@codex/runtime';

/** A section's contents, piece by piece. Pieces may be overwritten once the next one is asked for. */
export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface SectionContents {
  readonly id: number;
  readonly pieces: Pieces;
}

export interface ContainerContents {
  readonly magic: string;
  readonly version: number;
  readonly sections: readonly SectionContents[];
}

let written = 0;

/**
 * Writes an iden3 file (11 §5.6), section after section. It appears under its name when it is whole and on the disk; what is left of
 * a write that failed is taken away.
 */
export async function writeContainer(
  path: string,
  { magic, version, sections }: ContainerContents,
  { signal }: AbortOptions = {},
): Promise<void> {
  const temporary = `${path}.${process.pid}.${written++}.tmp`;
  const file = await open(temporary, 'wx');
  try {
    try {
      const header = new DataView(new ArrayBuffer(12));
      for (let i = 0; i < 4; i++) header.setUint8(i, magic.charCodeAt(i));
      header.setUint32(4, version, true);
      header.setUint32(8, sections.length, true);
      await writeAt(file, 0, bytesOf(header));
      let at = 12;
      for (const { id, pieces } of sections) {
        const start = at + 12;
        let end = start;
        for await (const piece of pieces) {
          signal?.throwIfAborted();
          await writeAt(file, end, piece);
          end += piece.byteLength;
        }
        header.setUint32(0, id, true);
        header.setBigUint64(4, BigInt(end - start), true);
        await writeAt(file, at, bytesOf(header));
        at = end;
      }
      signal?.throwIfAborted();
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

const bytesOf = (view: DataView<ArrayBuffer>) => new Uint8Array(view.buffer);

async function writeAt(file: FileHandle, position: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    at += (await file.write(bytes, at, bytes.byteLength - at, position + at)).bytesWritten;
  }
}

/** The new name is on the disk when its directory is. Where directories cannot be opened (Windows), it is there anyway. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
