import { invalid, readAt, type Source } from './source.ts';

/** Keys have ten sections, constraints five; a longer table is no file of ours. */
const SECTIONS_MAX = 64;

const FILE_HEADER_BYTES = 12;
const SECTION_HEADER_BYTES = 12;

export interface ContainerKind {
  /** Four letters. */
  readonly magic: string;
  readonly version: number;
  /** The sections that must be there. Others may be, and are not looked at. */
  readonly required: readonly number[];
}

/** Where a section's contents lie in its file. */
export interface Section {
  readonly id: number;
  readonly start: number;
  readonly bytes: number;
}

/** The sections of an iden3 file (11 §5.6), all within the file, each once, with nothing behind them. For jobs. */
export class Container {
  readonly source: Source;
  readonly #sections: ReadonlyMap<number, Section>;

  constructor(source: Source, kind: ContainerKind) {
    this.source = source;
    this.#sections = readSections(source, kind);
    for (const id of kind.required) {
      if (!this.#sections.has(id)) throw invalid(source, `section ${id} is missing`);
    }
  }

  find(id: number): Section | undefined {
    return this.#sections.get(id);
  }

  /** A section that must have a certain size, if one is given. */
  section(id: number, bytes?: number): Section {
    const section = this.#sections.get(id);
    if (!section) throw invalid(this.source, `section ${id} is missing`);
    if (bytes !== undefined && section.bytes !== bytes) {
      throw invalid(this.source, `section ${id} has ${section.bytes} bytes instead of ${bytes}`);
    }
    return section;
  }

  /** A section's contents, which must be so long. */
  read(id: number, bytes: number): DataView<ArrayBuffer> {
    const { start } = this.section(id, bytes);
    const contents = new Uint8Array(bytes);
    readAt(this.source, start, contents);
    return new DataView(contents.buffer);
  }
}

function readSections(source: Source, { magic, version }: ContainerKind): Map<number, Section> {
  if (source.bytes < FILE_HEADER_BYTES) throw invalid(source, 'it is too short');
  const header = new Uint8Array(FILE_HEADER_BYTES);
  readAt(source, 0, header);
  if (String.fromCharCode(...header.subarray(0, 4)) !== magic) throw invalid(source, `it does not begin with ${magic}`);
  const view = new DataView(header.buffer);
  if (view.getUint32(4, true) !== version) throw invalid(source, `its version is ${view.getUint32(4, true)}`);
  const count = view.getUint32(8, true);
  if (count > SECTIONS_MAX) throw invalid(source, `it claims ${count} sections`);

  const sections = new Map<number, Section>();
  let at = FILE_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    if (source.bytes - at < SECTION_HEADER_BYTES) throw invalid(source, 'it ends in its sections');
    readAt(source, at, header);
    at += SECTION_HEADER_BYTES;
    const id = view.getUint32(0, true);
    const size = view.getBigUint64(4, true);
    if (size > BigInt(source.bytes - at)) throw invalid(source, `section ${id} is longer than the file`);
    if (sections.has(id)) throw invalid(source, `section ${id} is there twice`);
    sections.set(id, { id, start: at, bytes: Number(size) });
    at += Number(size);
  }
  if (at !== source.bytes) throw invalid(source, 'there is something behind its last section');
  return sections;
}
