import { writev } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { CliError } from './errors.ts';
import { unwritable } from './output-file.ts';

/** Where downloaded bytes go. */
export interface Sink {
  /** Writes `chunks` so that the first byte lands at `position`. Errors: FILE_UNWRITABLE, OUTPUT_CLOSED. */
  write(chunks: readonly Buffer[], position: number): Promise<void>;
  close(): Promise<void>;
}

const RETRY_MS = 5;
const STANDARD_OUTPUT = 1;

/** A file that is kept if it exists, written at any position. Error: FILE_UNWRITABLE. */
export async function openFileSink(path: string): Promise<Sink> {
  let handle: FileHandle;
  try {
    // 'a+' would ignore positions, 'r+' does not create, 'w' empties.
    handle = await open(path, 'r+').catch(() => open(path, 'wx'));
  } catch (error) {
    throw unwritable(path, error);
  }
  return {
    async write(chunks, position) {
      try {
        let at = position;
        for (let rest = chunks; rest.length > 0; ) {
          const { bytesWritten } = await handle.writev(rest as Buffer[], at);
          at += bytesWritten;
          rest = after(rest, bytesWritten);
        }
      } catch (error) {
        throw unwritable(path, error);
      }
    },
    close: () => handle.close(),
  };
}

/**
 * A sink for what cannot be renamed or written at positions: standard output for `-`, a device, a named pipe. Undefined
 * for anything else. Error: FILE_UNWRITABLE.
 */
export async function openStreamSink(output: string | undefined): Promise<Sink | undefined> {
  if (output === undefined) return undefined;
  if (output === '-') return streamSink('standard output', STANDARD_OUTPUT, async () => {});
  const info = await stat(output).catch(() => undefined);
  if (!info || info.isFile() || info.isDirectory()) return undefined;
  try {
    const handle = await open(output, 'w');
    return streamSink(output, handle.fd, () => handle.close());
  } catch (error) {
    throw unwritable(output, error);
  }
}

function streamSink(name: string, fd: number, close: () => Promise<void>): Sink {
  const write = (chunks: readonly Buffer[]) =>
    new Promise<number>((resolve, reject) => {
      writev(fd, chunks, null, (error, count) => (error ? reject(error) : resolve(count)));
    });
  return {
    async write(chunks) {
      for (let rest = chunks; rest.length > 0; ) {
        try {
          rest = after(rest, await write(rest));
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EPIPE') throw new CliError('OUTPUT_CLOSED', 'Nobody reads the output', {}, { cause: error });
          if (code !== 'EAGAIN') throw unwritable(name, error);
          await delay(RETRY_MS);
        }
      }
    },
    close,
  };
}

/** What is left of `chunks` after their first `count` bytes. */
function after(chunks: readonly Buffer[], count: number): readonly Buffer[] {
  let skip = count;
  let i = 0;
  while (i < chunks.length && skip >= (chunks[i]?.length ?? 0)) skip -= chunks[i++]?.length ?? 0;
  const rest = chunks.slice(i);
  if (skip > 0 && rest[0]) rest[0] = rest[0].subarray(skip);
  return rest;
}
