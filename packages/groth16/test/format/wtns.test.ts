import { InlineCompute, WorkerPool } from '@codex/compute';
import { afterAll, describe, expect, it } from 'vitest';
import { readWitness, writeWitness } from '../../src/index.ts';
import { container, sectionsOf, withSection } from '../support/bytes.ts';
import { temporaryDirectory } from '../support/places.ts';
import { useSnarkjs } from '../support/snarkjs.ts';
import { SMALL } from '../support/vectors.ts';

const compute = new InlineCompute();
const pool = new WorkerPool({}, { threads: 1 });
afterAll(() => pool.stop());
const pathOf = temporaryDirectory();
const snarkjs = useSnarkjs();

describe('a wtns file', () => {
  it('says what snarkjs reads in it', async () => {
    const { count, values } = await readWitness(pool, SMALL.wtns);
    expect(values.buffer).toBeInstanceOf(SharedArrayBuffer);
    const theirs = await snarkjs.wtns.exportJson(SMALL.wtns);
    expect(count).toBe(theirs.length);
    const ours = Array.from({ length: count }, (_, i) =>
      values.subarray(32 * i, 32 * i + 32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n),
    );
    expect(ours).toEqual(theirs);
  });

  it('of megabytes comes back as it was written', async () => {
    const values = new Uint8Array(new SharedArrayBuffer(32 * 70_001));
    for (let i = 0; i < values.length; i += 7) values[i] = i % 31 < 29 && i % 32 !== 31 ? i & 255 : 0;
    await writeWitness(pathOf('large.wtns'), { count: 70_001, values });
    const read = await readWitness(pool, pathOf('large.wtns'));
    expect(Buffer.from(read.values).equals(Buffer.from(values))).toBe(true);
  });

  const sections = sectionsOf(SMALL.wtns);
  it.each<[string, number, (bytes: Buffer) => Uint8Array | undefined, string]>([
    ['another field', 1, (bytes) => void bytes.writeUInt8(2, 4), 'another field'],
    ['four billion values', 1, (bytes) => void bytes.writeUInt32LE(0xffffffff, 36), 'more than'],
    ['another number of values', 1, (bytes) => void bytes.writeUInt32LE(31, 36), 'instead of'],
    ['a value of r and more', 2, (bytes) => void bytes.fill(0xff, 64, 96), 'value 2 is not below r'],
  ])('is refused with %s', async (_, id, change, reason) => {
    const bytes = container('wtns', 2, withSection(sections, id, change));
    await expect(readWitness(compute, bytes)).rejects.toMatchObject({
      code: 'GROTH16_FILE_INVALID',
      data: { reason: expect.stringContaining(reason) },
    });
  });
});
