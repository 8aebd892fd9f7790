import { readFileSync } from 'node:fs';

export interface RawSection {
  readonly id: number;
  readonly bytes: Uint8Array;
  /** What the file says, if it lies. */
  readonly claimed?: bigint;
}

/** A container written by hand, right or wrong. */
export function container(
  magic: string,
  version: number,
  sections: readonly RawSection[],
  count = sections.length,
): Uint8Array {
  const head = Buffer.alloc(12);
  head.write(magic, 'latin1');
  head.writeUInt32LE(version, 4);
  head.writeUInt32LE(count, 8);
  return Buffer.concat([
    head,
    ...sections.flatMap(({ id, bytes, claimed }) => {
      const header = Buffer.alloc(12);
      header.writeUInt32LE(id);
      header.writeBigUInt64LE(claimed ?? BigInt(bytes.byteLength), 4);
      return [header, bytes];
    }),
  ]);
}

/** The sections of a file that is in order. */
export function sectionsOf(path: string): RawSection[] {
  const file = readFileSync(path);
  const sections: RawSection[] = [];
  for (let at = 12; at < file.length; ) {
    const end = at + 12 + Number(file.readBigUInt64LE(at + 4));
    sections.push({ id: file.readUInt32LE(at), bytes: Uint8Array.from(file.subarray(at + 12, end)) });
    at = end;
  }
  return sections;
}

/** The same sections with one changed. */
export function withSection(
  sections: readonly RawSection[],
  id: number,
  change: (bytes: Buffer) => Uint8Array | undefined,
): RawSection[] {
  return sections.map((section) => {
    if (section.id !== id) return section;
    const copy = Buffer.from(section.bytes);
    return { id, bytes: change(copy) ?? copy };
  });
}
