import { join } from 'node:path';
import { equalBytes } from '@codex/content';
import { isCodexError, type Logger, silentLogger } from '@codex/runtime';
import { SlotsError } from '../errors.ts';
import { decodeHeader, encodeHeader, HEADER_BYTES, planOf, type SlotTreeHeader, type SlotTreeShape } from './format.ts';
import { nodeSlotFs, type SlotFile, type SlotFs } from './slot-fs.ts';
import { SlotTree, type SlotTreeDraft, type SlotTreeStore } from './slot-tree.ts';

export interface DiskSlotTreesComponents {
  readonly fs?: SlotFs;
  readonly logger?: Logger;
}

export interface DiskSlotTreesInit {
  /** Of these trees only, and of one process; made (0700) when it is missing. */
  readonly directory: string;
}

/** `<slot root>.<origin>.slot`, in hex: what is there is known without reading it. */
const NAME = /^([0-9a-f]{64})\.([0-9a-f]{32})\.slot$/;

/** Of trees that were not finished. */
const DRAFT = /\.draft$/;

/** Slot trees in a directory, a file each. Files are written under another name, synced, and renamed. */
export class DiskSlotTrees implements SlotTreeStore {
  readonly #fs: SlotFs;
  readonly #logger: Logger;
  readonly #directory: string;
  /** Roots (hex) by origin; read from the directory once. */
  #index: Promise<Map<string, string>> | undefined;
  #drafts = 0;

  constructor({ fs = nodeSlotFs, logger = silentLogger }: DiskSlotTreesComponents, { directory }: DiskSlotTreesInit) {
    this.#fs = fs;
    this.#logger = logger;
    this.#directory = directory;
  }

  async create(shape: SlotTreeShape, origin: string): Promise<SlotTreeDraft> {
    return this.#guard(async () => {
      await this.#load();
      const path = this.#path(`${origin}.${this.#drafts++}.draft`);
      const file = await this.#fs.open(path, 'create');
      let isOpen = true;
      let isKept = false;
      const close = async () => {
        if (!isOpen) return;
        isOpen = false;
        await file.close();
      };
      return {
        plan: planOf(shape),
        write: (bytes, position) => this.#guard(() => file.write(bytes, position)),
        read: (target, position) => this.#guard(() => file.read(target, position)),
        commit: (root) =>
          this.#guard(async () => {
            await file.write(encodeHeader({ ...shape, root }), 0);
            await file.sync();
            await close();
            await this.#adopt(path, origin, Buffer.from(root).toString('hex'));
            isKept = true;
          }),
        discard: async () => {
          if (isKept) return;
          // What cannot be removed now is removed at the next start.
          await close().catch(() => {});
          await this.#fs.remove(path).catch(() => {});
        },
      };
    });
  }

  async find(origin: string): Promise<Uint8Array | undefined> {
    const root = (await this.#guard(() => this.#load())).get(origin);
    return root === undefined ? undefined : new Uint8Array(Buffer.from(root, 'hex'));
  }

  async has(slotRoot: Uint8Array): Promise<boolean> {
    const wanted = Buffer.from(slotRoot).toString('hex');
    return (await this.#guard(() => this.#load())).values().some((root) => root === wanted);
  }

  open(slotRoot: Uint8Array): Promise<SlotTree | undefined> {
    return this.#guard(async () => {
      const root = Buffer.from(slotRoot).toString('hex');
      for (const [origin, candidate] of await this.#load()) {
        if (candidate !== root) continue;
        const tree = await this.#openFile(root, origin, slotRoot);
        if (tree) return tree;
        this.#logger.warn('Dropped a damaged slot tree', { slotRoot: root });
        await this.#remove(root, origin);
      }
      return undefined;
    });
  }

  delete(slotRoot: Uint8Array): Promise<boolean> {
    return this.#guard(async () => {
      const root = Buffer.from(slotRoot).toString('hex');
      const origins = [...(await this.#load())].filter(([, candidate]) => candidate === root);
      for (const [origin] of origins) await this.#remove(root, origin);
      return origins.length > 0;
    });
  }

  async list(): Promise<readonly Uint8Array[]> {
    const roots = new Set((await this.#guard(() => this.#load())).values());
    return [...roots].map((root) => new Uint8Array(Buffer.from(root, 'hex')));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  #load(): Promise<Map<string, string>> {
    this.#index ??= this.#readDirectory().catch((error) => {
      this.#index = undefined;
      throw error;
    });
    return this.#index;
  }

  async #readDirectory(): Promise<Map<string, string>> {
    await this.#fs.prepareDirectory(this.#directory);
    const index = new Map<string, string>();
    for (const name of await this.#fs.list(this.#directory)) {
      const [, root, origin] = NAME.exec(name) ?? [];
      if (root && origin) index.set(origin, root);
      else if (DRAFT.test(name)) await this.#fs.remove(this.#path(name));
    }
    return index;
  }

  async #adopt(draft: string, origin: string, root: string): Promise<void> {
    const index = await this.#load();
    const former = index.get(origin);
    await this.#fs.rename(draft, this.#path(`${root}.${origin}.slot`));
    index.set(origin, root);
    if (former !== undefined && former !== root) await this.#fs.remove(this.#path(`${former}.${origin}.slot`));
    await this.#fs.syncDirectory(this.#directory);
  }

  async #remove(root: string, origin: string): Promise<void> {
    (await this.#load()).delete(origin);
    await this.#fs.remove(this.#path(`${root}.${origin}.slot`));
    await this.#fs.syncDirectory(this.#directory);
  }

  /** Undefined when the file is gone or not whole. */
  async #openFile(root: string, origin: string, slotRoot: Uint8Array): Promise<SlotTree | undefined> {
    let file: SlotFile;
    try {
      file = await this.#fs.open(this.#path(`${root}.${origin}.slot`), 'read');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    let header: SlotTreeHeader | undefined;
    try {
      const bytes = new Uint8Array(HEADER_BYTES);
      if ((await file.read(bytes, 0)) === HEADER_BYTES) header = decodeHeader(bytes);
      const whole = header && equalBytes(header.root, slotRoot) && planOf(header).fileBytes === (await file.size());
      if (!whole) header = undefined;
    } finally {
      if (!header) await file.close();
    }
    return header && new SlotTree(this.#guarded(file), header);
  }

  #guarded(file: SlotFile): SlotFile {
    return { ...file, read: (target, position) => this.#guard(() => file.read(target, position)) };
  }

  /** Gives what the system throws a code. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isCodexError(error)) throw error;
      const reason = (error as NodeJS.ErrnoException)?.code ?? String(error);
      const message = `The directory of slot trees cannot be used: ${reason}`;
      throw new SlotsError('SLOT_TREE_UNAVAILABLE', message, { reason }, { cause: error });
    }
  }
}
