import { statSync } from 'node:fs';
import { link, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError } from './errors.ts';

const CID_TAIL = 12;

/**
 * Where a download ends: the bytes gather in a part file beside the final one, which takes the final name when all are
 * there. A part file that an earlier run left is continued.
 */
export class OutputFile {
  readonly path: string;
  readonly partPath: string;
  readonly #force: boolean;

  /** `cid` is in the name of the part file, so that parts of different data are never mixed. */
  constructor(path: string, init: { readonly cid: string; readonly force: boolean }) {
    this.path = path;
    this.partPath = `${path}.${init.cid.slice(-CID_TAIL)}.part`;
    this.#force = init.force;
  }

  /** Error: FILE_EXISTS, before a single byte is asked for. */
  async check(): Promise<void> {
    if (!this.#force && (await exists(this.path))) throw fileExists(this.path);
  }

  /** Bytes of the part file; 0 when there is none. */
  async held(): Promise<number> {
    return (await stat(this.partPath).catch(() => undefined))?.size ?? 0;
  }

  /** Puts the part file under the final name, durable when it resolves. Errors: FILE_EXISTS, FILE_UNWRITABLE. */
  async finish(): Promise<void> {
    try {
      await sync(this.partPath);
      if (this.#force) {
        await rename(this.partPath, this.path);
      } else {
        // Unlike a rename, a link never replaces what appeared meanwhile.
        await link(this.partPath, this.path);
        await unlink(this.partPath);
      }
      await sync(dirname(this.path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw fileExists(this.path);
      throw unwritable(this.path, error);
    }
  }
}

/** The path to write to: `wanted`, inside it when it is a directory, or the stored name in the working directory. */
export function outputPath(wanted: string | undefined, storedName: string | undefined, cid: string): string {
  const name = safeName(storedName) ?? cid;
  if (wanted === undefined) return name;
  const isDirectory = statSync(wanted, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isDirectory ? join(wanted, name) : wanted;
}

/** The last part of a name that a stranger chose, unless it is hidden, empty or could steer a terminal. */
function safeName(name: string | undefined): string | undefined {
  const last = name?.split(/[/\\]/).at(-1)?.trim() ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  return last === '' || last.startsWith('.') || last.length > 200 || /[\x00-\x1f\x7f-\x9f]/.test(last)
    ? undefined
    : last;
}

export function unwritable(file: string, cause: unknown): CliError {
  return new CliError('FILE_UNWRITABLE', `${file} cannot be written: ${(cause as Error).message}`, { file }, { cause });
}

function fileExists(path: string): CliError {
  return new CliError('FILE_EXISTS', `${path} is there already; name another with -o, or replace it with --force`, {
    path,
  });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
