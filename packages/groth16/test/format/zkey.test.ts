import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { G1_BYTES, G2_BYTES, g2, isInG1, isInG2, readG1, readG2, writeG2 } from '@codex/bn254';
import { InlineCompute, WorkerPool } from '@codex/compute';
import { afterAll, describe, expect, it } from 'vitest';
import {
  contributionsOf,
  decodeProof,
  decodePublicSignals,
  decodeVerificationKey,
  encodeVerificationKey,
  expectKeyHash,
  hashFile,
  type KeySection,
  openProvingKey,
  type ProvingKeyFile,
  readConstraints,
  readKeyOfProofs,
  verify,
  writeProvingKey,
} from '../../src/index.ts';
import { container, sectionsOf, withSection } from '../support/bytes.ts';
import { temporaryDirectory } from '../support/places.ts';
import { useSnarkjs } from '../support/snarkjs.ts';
import { SMALL } from '../support/vectors.ts';

const compute = new InlineCompute();
const pool = new WorkerPool({}, { threads: 2 });
afterAll(() => pool.stop());
const pathOf = temporaryDirectory();
const snarkjs = useSnarkjs();

const SECTIONS: readonly KeySection[] = ['a', 'b1', 'b2', 'c', 'h'];

async function* piecesOf(key: ProvingKeyFile, section: KeySection): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < key.pointsIn(section); at += 5) {
    yield await key.points(section, at, Math.min(5, key.pointsIn(section) - at));
  }
}

async function copyKey(key: ProvingKeyFile, path: string, changes: { contributions?: Uint8Array } = {}): Promise<void> {
  const { wires, publicSignals, domainBits, verification, betaG1, deltaG1, a, b, table, contributions } = key;
  const points = Object.fromEntries(SECTIONS.map((section) => [section, piecesOf(key, section)])) as Record<
    KeySection,
    AsyncGenerator<Uint8Array>
  >;
  const parts = { wires, publicSignals, domainBits, verification, betaG1, deltaG1, a, b, table, contributions, points };
  await writeProvingKey(path, { ...parts, ...changes });
}

describe('a zkey file that snarkjs made', () => {
  it('tells a verifier what it needs without its matrices and points', async () => {
    const key = await openProvingKey(pool, SMALL.zkey, { memoryBytes: 0 });
    const { verification, contributions } = key;
    await key.close();
    expect(await readKeyOfProofs(pool, SMALL.zkey)).toEqual(
      expect.objectContaining({ verification, contributions: new Uint8Array(contributions) }),
    );
    await expect(readKeyOfProofs(pool, SMALL.r1cs)).rejects.toMatchObject({ code: 'GROTH16_FILE_INVALID' });
  });

  it('says what its circuit and its verification key say', async () => {
    const key = await openProvingKey(pool, SMALL.zkey, { memoryBytes: 0 });
    const system = await readConstraints(pool, SMALL.r1cs);
    expect(key).toMatchObject({ wires: system.wires, publicSignals: 3, domainBits: 5 });
    expect(await encodeVerificationKey(pool, key.verification)).toEqual(SMALL.verificationKey);
    expect(key.verification).toEqual(decodeVerificationKey(SMALL.verificationKey));
    // The rows of the circuit, then one for wire 0 and each public signal.
    const rows = system.constraints;
    expect(key.a.starts.length - 1).toBe(rows + 4);
    expect(key.a.columns).toEqual(Uint32Array.from([...system.a.columns, 0, 1, 2, 3]));
    expect(key.a.starts.subarray(0, rows + 1)).toEqual(system.a.starts);
    expect(key.b.columns).toEqual(system.b.columns);
    expect(key.b.starts.subarray(0, rows + 1)).toEqual(system.b.starts);
    const values = (table: Uint8Array, numbers: Uint32Array) =>
      Array.from(numbers, (i) => Buffer.from(table.subarray(32 * i, 32 * i + 32)).toString('hex'));
    expect(values(key.table, key.a.coefficients).slice(0, -4)).toEqual(values(system.table, system.a.coefficients));
    expect(values(key.table, key.b.coefficients)).toEqual(values(system.table, system.b.coefficients));
    await key.close();
  });

  it('gives its points, all in their groups, from memory or from the disk', async () => {
    const all = SECTIONS.reduce((sum, section) => sum + { a: 32, b1: 32, b2: 64, c: 28, h: 32 }[section] * 64, 0);
    const [onDisk, some, kept] = await Promise.all(
      [0, 7000, all].map((memoryBytes) => openProvingKey(pool, SMALL.zkey, { memoryBytes })),
    );
    if (!onDisk || !some || !kept) throw new Error('three keys were opened');
    expect([...onDisk.kept]).toEqual([]);
    expect([...some.kept].sort()).toEqual(['a', 'b2']);
    expect([...kept.kept]).toEqual(['a', 'b2', 'c', 'h']);
    for (const section of SECTIONS) {
      const count = kept.pointsIn(section);
      const points = await kept.points(section, 0, count);
      expect(points.buffer).toBeInstanceOf(SharedArrayBuffer);
      for (const key of [onDisk, some]) expect(await key.points(section, 0, count)).toEqual(points);
      expect(await onDisk.points(section, 3, 2)).toEqual(await kept.points(section, 3, 2));
      expect(await onDisk.points(section, count, 0)).toHaveLength(0);
      await expect(kept.points(section, 1, count)).rejects.toThrow(RangeError);
      const size = section === 'b2' ? G2_BYTES : G1_BYTES;
      for (let i = 0; i < count; i++) {
        const bytes = points.slice(i * size, (i + 1) * size);
        expect(section === 'b2' ? isInG2(readG2(bytes)) : isInG1(readG1(bytes))).toBe(true);
      }
    }
    await Promise.all([onDisk, some, kept].map((key) => key.close()));
  });

  it('has the hash that it has', async () => {
    const hash = createHash('sha256')
      .update(await readFile(SMALL.zkey))
      .digest('hex');
    expect(await hashFile(pool, SMALL.zkey)).toBe(hash);
    await expectKeyHash(pool, SMALL.zkey, hash);
    await expectKeyHash(pool, SMALL.zkey, `0x${hash.toUpperCase()}`);
    const other = hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    await expect(expectKeyHash(pool, SMALL.zkey, other)).rejects.toMatchObject({
      code: 'GROTH16_KEY_HASH_MISMATCH',
      data: { found: hash, expected: other },
    });
  });
});

describe('a zkey file that we write', () => {
  it('comes back as it was, and has the sections of the one it was read from', async () => {
    const key = await openProvingKey(pool, SMALL.zkey, { memoryBytes: 3000 });
    await copyKey(key, pathOf('copy.zkey'));
    const copy = await openProvingKey(pool, pathOf('copy.zkey'), { memoryBytes: 1e6 });
    for (const field of [
      'wires',
      'publicSignals',
      'domainBits',
      'verification',
      'betaG1',
      'deltaG1',
      'a',
      'b',
      'table',
      'contributions',
    ] as const) {
      expect(copy[field], field).toEqual(key[field]);
    }
    await Promise.all([key.close(), copy.close()]);
    const sorted = (path: string) => sectionsOf(path).sort((x, y) => x.id - y.id);
    const [ours, theirs] = [sorted(pathOf('copy.zkey')), sorted(SMALL.zkey)];
    expect(ours).toEqual(theirs);
  });

  it('is one that snarkjs takes its verification key from, and proves with', async () => {
    const key = await openProvingKey(pool, SMALL.zkey, { memoryBytes: 0 });
    const path = pathOf('named.zkey');
    await copyKey(key, path, { contributions: contributionsOf({ name: 'of a test', delta: key.deltaG1 }) });
    await key.close();
    expect(await snarkjs.zKey.exportVerificationKey(path)).toEqual(SMALL.verificationKey);
    const { proof, publicSignals } = await snarkjs.groth16.prove(path, SMALL.wtns);
    expect(publicSignals).toEqual(SMALL.publicSignals);
    const verification = decodeVerificationKey(SMALL.verificationKey);
    expect(await verify(pool, verification, decodeProof(proof), decodePublicSignals(publicSignals))).toBe(true);
    expect(await snarkjs.groth16.verify(SMALL.verificationKey, publicSignals, proof)).toBe(true);
  });
});

describe('a zkey file', () => {
  const sections = sectionsOf(SMALL.zkey);
  const POINTS = 4 + 32 + 4 + 32 + 12;
  const outside = Buffer.alloc(64, 1);
  const noPoint = writeG2({ ...g2.generator, y: g2.generator.x });

  it.each<[string, number, (bytes: Buffer) => Uint8Array | undefined, string]>([
    ['another prover', 1, (bytes) => void bytes.writeUInt32LE(2), 'no Groth16 key'],
    ['another curve', 2, (bytes) => void bytes.writeUInt8(2, 4), 'another curve'],
    ['another scalar field', 2, (bytes) => void bytes.writeUInt8(2, 40), 'another curve'],
    ['four billion wires', 2, (bytes) => void bytes.writeUInt32LE(0xffffffff, 72), 'wires are more'],
    ['more public signals than wires', 2, (bytes) => void bytes.writeUInt32LE(32, 76), 'more public signals'],
    ['a domain of 33', 2, (bytes) => void bytes.writeUInt32LE(33, 80), 'no such domain'],
    ['a domain of none', 2, (bytes) => void bytes.writeUInt32LE(0, 80), 'no such domain'],
    ['a domain of 2^31', 2, (bytes) => void bytes.writeUInt32LE(2 ** 31, 80), 'no such domain'],
    ['a domain of 2^6', 2, (bytes) => void bytes.writeUInt32LE(64, 80), 'section 9'],
    ['another wire', 2, (bytes) => void bytes.writeUInt32LE(31, 72), 'section 5'],
    ['α outside of the curve', 2, (bytes) => void outside.copy(bytes, POINTS), 'α'],
    ['α at infinity', 2, (bytes) => void bytes.fill(0, POINTS, POINTS + 64), 'α'],
    ['coordinates above p', 2, (bytes) => void bytes.fill(0xff, POINTS + 64, POINTS + 96), 'β in G1'],
    ['β outside of the curve', 2, (bytes) => void bytes.set(noPoint, POINTS + 128), 'β'],
    ['γ at infinity', 2, (bytes) => void bytes.fill(0, POINTS + 256, POINTS + 384), 'γ'],
    ['δ at infinity', 2, (bytes) => void bytes.fill(0, POINTS + 448, POINTS + 576), 'δ'],
    ['a point of IC outside of the curve', 3, (bytes) => void outside.copy(bytes, 128), 'point 2 of IC'],
    ['four billion coefficients', 4, (bytes) => void bytes.writeUInt32LE(0xffffffff), 'section 4'],
    ['a coefficient too few', 4, (bytes) => void bytes.writeUInt32LE(77), 'section 4'],
    ['a third matrix', 4, (bytes) => void bytes.writeUInt32LE(2, 4), 'third matrix'],
    ['a row outside of the domain', 4, (bytes) => void bytes.writeUInt32LE(32, 8), 'row 32 of 32'],
    ['a wire that there is not', 4, (bytes) => void bytes.writeUInt32LE(32, 12), 'wire 32 of 32'],
    ['a coefficient of r and more', 4, (bytes) => void bytes.fill(0xff, 16, 48), 'not below r'],
    ['half a point', 8, (bytes) => bytes.subarray(32), 'section 8'],
    ['megabytes of contributions', 10, () => Buffer.alloc(1_100_000), 'contributions'],
  ])('is refused with %s', async (_, id, change, reason) => {
    const path = pathOf('wrong.zkey');
    await writeFile(path, container('zkey', 1, withSection(sections, id, change)));
    await expect(openProvingKey(compute, path, { memoryBytes: 0 })).rejects.toMatchObject({
      code: 'GROTH16_FILE_INVALID',
      data: { reason: expect.stringContaining(reason) },
    });
  });

  it('may have its coefficients in any order', async () => {
    const path = pathOf('shuffled.zkey');
    const shuffled = withSection(sections, 4, (bytes) => {
      const entries = Array.from({ length: (bytes.length - 4) / 44 }, (_, i) =>
        bytes.subarray(4 + 44 * i, 48 + 44 * i),
      );
      return Buffer.concat([bytes.subarray(0, 4), ...entries.toReversed()]);
    });
    await writeFile(path, container('zkey', 1, shuffled));
    const [ours, theirs] = await Promise.all(
      [path, SMALL.zkey].map((from) => openProvingKey(compute, from, { memoryBytes: 0 })),
    );
    expect(ours?.a.starts).toEqual(theirs?.a.starts);
    for (let row = 0; row < 23; row++) {
      const columns = (key: ProvingKeyFile | undefined) =>
        Array.from(key?.a.columns.subarray(key.a.starts[row], key.a.starts[row + 1]) ?? []).sort();
      expect(columns(ours)).toEqual(columns(theirs));
    }
    await Promise.all([ours?.close(), theirs?.close()]);
  });

  it('is closed when its opening is aborted', async () => {
    const controller = new AbortController();
    const opening = openProvingKey(pool, SMALL.zkey, { memoryBytes: 1e6, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(opening).rejects.toThrow('enough');
  });
});
