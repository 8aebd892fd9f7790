import type { FileHandle } from 'node:fs/promises';
import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { KEY_SECTIONS, pointBytes, pointsIn } from './key-layout.ts';
import { invalid, openFile, type Source } from './source.ts';
import { runStoppable } from './stoppable.ts';
import type { KeySection, PointsOptions, ProvingKey, VerificationKey } from './types.ts';
import { type KeyContents, readKeyJob, readOutlineJob } from './zkey-job.ts';

/** In this order sections are kept in memory while there is room: those whose sums take longest first. Provers do without B1. */
const KEEPING_ORDER: readonly KeySection[] = ['b2', 'a', 'c', 'h'];

/** Read at a time: an abort is heard in between. */
const PIECE_BYTES = 8 << 20;

export interface OpenKeyOptions extends AbortOptions {
  /** Sections of points are kept in memory as long as they fit into this; matrices always are, and do not count. */
  readonly memoryBytes: number;
}

/** A proving key in a file, which is open until `close`. */
export interface ProvingKeyFile extends ProvingKey {
  readonly path: string;
  /** Sections that are in memory. */
  readonly kept: ReadonlySet<KeySection>;
  /** Who took part in the key's ceremony: section 10, as it is in the file. */
  readonly contributions: Uint8Array;
}

/**
 * Opens a zkey file. Its header's points, and those of the verification key, are checked; for the others its hash speaks
 * (`expectKeyHash`): to go through them would take longer than a proof.
 *
 * @throws GROTH16_FILE_INVALID, GROTH16_FILE_UNREADABLE
 */
export async function openProvingKey(
  compute: Compute,
  path: string,
  { memoryBytes, signal }: OpenKeyOptions,
): Promise<ProvingKeyFile> {
  const { handle, source } = await openFile(path);
  try {
    const contents = await runStoppable(compute, readKeyJob, { source }, { signal });
    const memory = new Map<KeySection, Uint8Array>();
    let room = memoryBytes;
    for (const section of KEEPING_ORDER) {
      const { start, bytes } = contents.sections[section];
      if (bytes > room) continue;
      room -= bytes;
      memory.set(section, await readShared(handle, source, start, bytes, { signal }));
    }
    return new KeyFile(path, handle, source, contents, memory);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What a verifier needs of a zkey file, with the same checks as `openProvingKey`; its size does not matter. */
export interface KeyOfProofs {
  readonly verification: VerificationKey;
  /** Section 10, as it is in the file. */
  readonly contributions: Uint8Array;
}

/** @throws GROTH16_FILE_INVALID, GROTH16_FILE_UNREADABLE */
export async function readKeyOfProofs(
  compute: Compute,
  path: string,
  { signal }: AbortOptions = {},
): Promise<KeyOfProofs> {
  const { handle, source } = await openFile(path);
  try {
    return await compute.run(readOutlineJob, { source }, signal ? { signal } : {});
  } finally {
    await handle.close();
  }
}

async function readShared(
  handle: FileHandle,
  source: Source,
  start: number,
  bytes: number,
  { signal, allocate = (size) => new Uint8Array(new SharedArrayBuffer(size)) }: PointsOptions,
): Promise<Uint8Array> {
  const target = allocate(bytes);
  for (let at = 0; at < bytes; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(target, at, Math.min(PIECE_BYTES, bytes - at), start + at);
    if (bytesRead === 0) throw invalid(source, 'it ends too early');
    at += bytesRead;
  }
  return target;
}

class KeyFile implements ProvingKeyFile {
  readonly path: string;
  readonly wires: number;
  readonly publicSignals: number;
  readonly domainBits: number;
  readonly verification: ProvingKey['verification'];
  readonly betaG1: ProvingKey['betaG1'];
  readonly deltaG1: ProvingKey['deltaG1'];
  readonly a: ProvingKey['a'];
  readonly b: ProvingKey['b'];
  readonly table: Uint8Array;
  readonly contributions: Uint8Array;
  readonly #handle: FileHandle;
  readonly #source: Source;
  readonly #sections: KeyContents['sections'];
  readonly #memory: Map<KeySection, Uint8Array>;

  constructor(
    path: string,
    handle: FileHandle,
    source: Source,
    contents: KeyContents,
    memory: Map<KeySection, Uint8Array>,
  ) {
    this.path = path;
    this.wires = contents.wires;
    this.publicSignals = contents.publicSignals;
    this.domainBits = contents.domainBits;
    this.verification = contents.verification;
    this.betaG1 = contents.betaG1;
    this.deltaG1 = contents.deltaG1;
    this.a = contents.a;
    this.b = contents.b;
    this.table = contents.table;
    this.contributions = contents.contributions;
    this.#handle = handle;
    this.#source = source;
    this.#sections = contents.sections;
    this.#memory = memory;
  }

  get kept(): ReadonlySet<KeySection> {
    return new Set(KEY_SECTIONS.filter((section) => this.#memory.has(section)));
  }

  pointsIn(section: KeySection): number {
    return pointsIn(section, this);
  }

  async points(section: KeySection, start: number, count: number, options: PointsOptions = {}): Promise<Uint8Array> {
    const size = pointBytes(section);
    if (!(start >= 0 && count >= 0 && start + count <= this.pointsIn(section))) {
      throw new RangeError(`Section ${section} has no points from ${start} to ${start + count}`);
    }
    const memory = this.#memory.get(section);
    if (memory) return memory.subarray(start * size, (start + count) * size);
    const { start: begin } = this.#sections[section];
    return await readShared(this.#handle, this.#source, begin + start * size, count * size, options);
  }

  async close(): Promise<void> {
    this.#memory.clear();
    await this.#handle.close();
  }
}
