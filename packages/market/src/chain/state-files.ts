import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Small texts by name that outlive the process. A write is whole or not at all, and lasts when it has resolved. */
export interface StateFiles {
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
}

/** One file for each name, in a directory of its own. */
export class DiskStateFiles implements StateFiles {
  readonly #directory: string;
  readonly #writes = new Map<string, Promise<void>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#directory, `${name}.json`), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  write(name: string, text: string): Promise<void> {
    // One after the other: they share the name of the draft.
    const before = this.#writes.get(name) ?? Promise.resolve();
    const written = before.catch(() => {}).then(() => this.#write(name, text));
    this.#writes.set(name, written);
    return written;
  }

  async #write(name: string, text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const path = join(this.#directory, `${name}.json`);
    const draft = `${path}.draft`;
    // Readable by the owner alone: it tells what the account is doing.
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    const directory = await open(this.#directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

/** Keeps them while the process lives. */
export class MemoryStateFiles implements StateFiles {
  readonly #texts = new Map<string, string>();

  async read(name: string): Promise<string | undefined> {
    return this.#texts.get(name);
  }

  async write(name: string, text: string): Promise<void> {
    this.#texts.set(name, text);
  }
}

const BIG = /^-?\d+n$/;

/** JSON in which big integers are texts that end in `n`. */
export function formatState(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));
}

/** What `formatState` wrote. Throws where a text is no JSON. */
export function parseState(text: string): unknown {
  return JSON.parse(text, (_, item: unknown) =>
    typeof item === 'string' && BIG.test(item) ? BigInt(item.slice(0, -1)) : item,
  );
}
