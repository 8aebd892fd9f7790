import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InlineCompute } from '@codex/compute';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openProvingKey, readConstraints, readWitness, writeWitness } from '../../src/index.ts';
import { container, type RawSection, sectionsOf } from '../support/bytes.ts';
import { temporaryDirectory } from '../support/places.ts';
import { SMALL } from '../support/vectors.ts';

const compute = new InlineCompute();
const pathOf = temporaryDirectory();

async function openKey(bytes: Uint8Array): Promise<void> {
  const path = pathOf('key.zkey');
  await writeFile(path, bytes);
  const key = await openProvingKey(compute, path, { memoryBytes: 0 });
  await key.close();
}

const FORMATS = [
  { name: 'r1cs', version: 1, path: SMALL.r1cs, read: (bytes: Uint8Array) => readConstraints(compute, bytes) },
  { name: 'wtns', version: 2, path: SMALL.wtns, read: (bytes: Uint8Array) => readWitness(compute, bytes) },
  { name: 'zkey', version: 1, path: SMALL.zkey, read: openKey },
];

const invalid = (reason: string) => ({
  code: 'GROTH16_FILE_INVALID',
  data: { reason: expect.stringContaining(reason) },
});

describe.each(FORMATS)('the container of $name files', ({ name, version, path, read }) => {
  const sections = sectionsOf(path);
  const whole = container(name, version, sections);

  it('may have its sections in any order, and others', async () => {
    await read(container(name, version, [{ id: 99, bytes: new Uint8Array(5) }, ...sections.toReversed()]));
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(), 'too short'],
    ['another format', container('ptau', version, sections), 'does not begin with'],
    ['another version', container(name, version + 1, sections), 'version'],
    ['more sections than there are', container(name, version, sections, sections.length + 1), 'ends in its sections'],
    ['fewer', container(name, version, sections, sections.length - 1), ''],
    ['millions of sections', container(name, version, sections, 0xffffffff), 'claims'],
    ['something behind', Buffer.concat([whole, Uint8Array.of(0)]), 'behind its last section'],
    ['a section twice', container(name, version, [...sections, sections[0] as RawSection]), 'twice'],
    ['no sections', container(name, version, []), 'missing'],
    [
      'a section of 2^64 bytes',
      container(name, version, [...sections, { id: 77, bytes: new Uint8Array(9), claimed: 2n ** 64n - 1n }]),
      'longer than the file',
    ],
  ])('is refused with %s', async (_, bytes, reason) => {
    await expect(read(bytes)).rejects.toMatchObject(invalid(reason));
  });

  it('is refused without any one of its sections', async () => {
    const needed = sections.filter(({ id }) => !(name === 'r1cs' && id > 2) && !(name === 'zkey' && id === 10));
    for (const { id } of needed) {
      const others = sections.filter((section) => section.id !== id);
      await expect(read(container(name, version, others))).rejects.toMatchObject(invalid(`section ${id} is missing`));
    }
  });

  it('is refused wherever it is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.byteLength - 1 }), async (length) => {
        await expect(read(whole.subarray(0, length))).rejects.toMatchObject({ code: 'GROTH16_FILE_INVALID' });
      }),
      { numRuns: 60 },
    );
  });

  it('is read or refused, and nothing else, whatever bytes are changed', async () => {
    const change = fc.record({ at: fc.nat({ max: whole.byteLength - 1 }), value: fc.integer({ min: 0, max: 255 }) });
    const hostile = fc.record({
      at: fc.nat({ max: whole.byteLength - 4 }),
      word: fc.constantFrom(0, 0x7fffffff, 0xffffffff),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 3 }), fc.option(hostile), async (changes, word) => {
        const bytes = Buffer.from(whole);
        for (const { at, value } of changes) bytes[at] = value;
        if (word) bytes.writeUInt32LE(word.word, word.at);
        await read(bytes).catch((error) => expect(error).toMatchObject({ code: 'GROTH16_FILE_INVALID' }));
      }),
      { numRuns: name === 'zkey' ? 100 : 300 },
    );
  });
});

describe('a file', () => {
  it.each([
    ['that is not there', () => pathOf('nothing')],
    ['that is a directory', () => dirname(pathOf('x'))],
  ])('%s is refused with a code', async (_, path) => {
    for (const read of [readConstraints, readWitness]) {
      await expect(read(compute, path())).rejects.toMatchObject({ code: 'GROTH16_FILE_UNREADABLE' });
    }
    await expect(openProvingKey(compute, path(), { memoryBytes: 0 })).rejects.toMatchObject({
      code: 'GROTH16_FILE_UNREADABLE',
    });
  });

  it('that is cut off while it is open is refused when points are read', async () => {
    const path = pathOf('cut.zkey');
    await writeFile(path, await readFile(SMALL.zkey));
    const key = await openProvingKey(compute, path, { memoryBytes: 0 });
    await truncate(path, 1000);
    await expect(key.points('c', 0, key.pointsIn('c'))).rejects.toMatchObject({ code: 'GROTH16_FILE_INVALID' });
    await key.close();
  });

  it('whose writing fails leaves nothing, and what was there before', async () => {
    const path = pathOf('x.wtns');
    const witness = await readWitness(compute, SMALL.wtns);
    await writeWitness(path, witness);
    const before = await readdir(dirname(path));
    await expect(writeWitness(path, witness, { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(await readdir(dirname(path))).toEqual(before);
    expect(await readFile(path)).toEqual(await readFile(SMALL.wtns));
  });

  it('is not read any further when that is aborted', async () => {
    const controller = new AbortController();
    const reading = readConstraints(compute, SMALL.r1cs, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });
});
