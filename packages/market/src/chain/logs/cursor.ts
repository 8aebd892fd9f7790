import type { Header } from '../blocks/header.ts';
import type { Address, Hex, TracedEvent } from '../marketplace.ts';
import { formatState, parseState, type StateFiles } from '../state-files.ts';

/** A block that was told, and the events of it. */
export interface ToldBlock {
  readonly number: bigint;
  readonly hash: Hex;
  readonly events: readonly TracedEvent[];
}

/** Which chain a cursor belongs to. */
export interface CursorPlace {
  readonly chainId: number;
  readonly genesis: Hex;
  readonly address: Address;
}

interface CursorFile extends CursorPlace {
  readonly version: 1;
  readonly blocks: readonly ToldBlock[];
}

/** Blocks below the newest for which hashes and events are kept, to undo them; as many as the trail follows. */
const KEPT_BLOCKS = 128n;
/** A block with events makes an entry; blocks without make one each, too. Twice the above, so that neither crowds out the other. */
const KEPT_ENTRIES_MAX = 256;

/** How far a follower has told the chain: the newest block, and those before it that could still fall out. */
export class Cursor {
  readonly #files: StateFiles;
  readonly #name: string;
  readonly #place: CursorPlace;
  #blocks: ToldBlock[] = [];

  private constructor(files: StateFiles, name: string, place: CursorPlace) {
    this.#files = files;
    this.#name = name;
    this.#place = place;
  }

  /** What was kept under a name, if it is of this chain and contract; else an empty one. `reason`: why it was not used. */
  static async open(
    files: StateFiles,
    name: string,
    place: CursorPlace,
  ): Promise<{ cursor: Cursor; reason: string | undefined }> {
    const cursor = new Cursor(files, name, place);
    const text = await files.read(name);
    if (text === undefined) return { cursor, reason: undefined };
    const kept = parseCursor(text);
    if (!kept) return { cursor, reason: 'it cannot be read' };
    const isSame = kept.chainId === place.chainId && kept.genesis === place.genesis && kept.address === place.address;
    if (!isSame) return { cursor, reason: 'it is of another chain or contract' };
    cursor.#blocks = [...kept.blocks];
    return { cursor, reason: undefined };
  }

  /** The newest block that was told. */
  get newest(): ToldBlock | undefined {
    return this.#blocks.at(-1);
  }

  /** In ascending order. */
  get blocks(): readonly ToldBlock[] {
    return this.#blocks;
  }

  /** Up to here all is told. */
  advance({ number, hash }: Pick<Header, 'number' | 'hash'>, events: readonly TracedEvent[]): void {
    const byBlock = new Map<Hex, TracedEvent[]>();
    for (const event of events) {
      const of = byBlock.get(event.blockHash);
      if (of) of.push(event);
      else byBlock.set(event.blockHash, [event]);
    }
    if (!byBlock.has(hash)) byBlock.set(hash, []);
    for (const [blockHash, told] of byBlock) {
      this.#blocks.push({ number: told[0]?.blockNumber ?? number, hash: blockHash, events: told });
    }
    const oldest = number - KEPT_BLOCKS;
    this.#blocks = this.#blocks.filter((block) => block.number >= oldest).slice(-KEPT_ENTRIES_MAX);
  }

  /** Goes back to the first `count` of the blocks. */
  cut(count: number): void {
    this.#blocks = this.#blocks.slice(0, count);
  }

  save(): Promise<void> {
    const file: CursorFile = { version: 1, ...this.#place, blocks: this.#blocks };
    return this.#files.write(this.#name, formatState(file));
  }
}

function parseCursor(text: string): CursorFile | undefined {
  try {
    const file = parseState(text) as Partial<CursorFile> | null;
    if (file?.version !== 1 || !Array.isArray(file.blocks)) return undefined;
    const isRight = file.blocks.every(
      ({ number, hash, events }) => typeof number === 'bigint' && typeof hash === 'string' && Array.isArray(events),
    );
    return isRight ? (file as CursorFile) : undefined;
  } catch {
    return undefined;
  }
}
