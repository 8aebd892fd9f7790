import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scalarField as f } from '@codex/bn254';
import { InlineCompute, WorkerPool } from '@codex/compute';
import { seededRandom } from '@codex/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import {
  openProvingKey,
  type ProvingKeyFile,
  readConstraints,
  type SparseRows,
  writeWitness,
} from '../../src/index.ts';
import { developmentSetup, INSECURE_MARK } from '../../src/setup/development-setup.ts';
import { drawToxicWaste } from '../../src/setup/toxic-waste.ts';
import { drawSystem, type Row, type SolvedSystem, sparse, witnessOf } from '../prover/support/system.ts';
import { temporaryDirectory } from '../support/places.ts';
import { useSnarkjs } from '../support/snarkjs.ts';
import { SMALL } from '../support/vectors.ts';
import { twinPoints } from './support/twin.ts';

const inline = new InlineCompute();
const pool = new WorkerPool({}, { threads: 2 });
const snarkjs = useSnarkjs();
const place = temporaryDirectory();
afterAll(() => pool.stop());

const SEED = 7;
const SECTIONS = ['a', 'b1', 'b2', 'c', 'h'] as const;

/** A system whose first public signals are outputs. */
function solved(seed: number, signals: number, constraints: number, outputs = 0): SolvedSystem {
  const made = drawSystem(seededRandom(seed), { publicInputs: signals, constraints });
  return { ...made, system: { ...made.system, publicOutputs: outputs, publicInputs: signals - outputs } };
}

let keys = 0;

async function setUp({ system }: SolvedSystem, compute: InlineCompute | WorkerPool = inline, seed = SEED) {
  const zkey = place(`${keys++}.zkey`);
  const made = await developmentSetup({ compute, random: seededRandom(seed) }, { constraints: system, target: zkey });
  return { zkey, ...made };
}

/** Columns and coefficients of each row. */
const rowsOf = (rows: SparseRows, elements: Uint8Array) =>
  Array.from({ length: rows.starts.length - 1 }, (_, row) =>
    Array.from({ length: rows.starts[row + 1]! - rows.starts[row]! }, (_, i) => {
      const entry = rows.starts[row]! + i;
      const at = 32 * rows.coefficients[entry]!;
      return `${rows.columns[entry]} ${Buffer.from(elements.slice(at, at + 32)).toString('hex')}`;
    }),
  );

describe('a key of a development setup', () => {
  it.each([
    { signals: 0, constraints: 1, domainBits: 1 },
    { signals: 1, constraints: 2, domainBits: 2 },
    { signals: 3, constraints: 4, domainBits: 3 },
    { signals: 3, constraints: 5, domainBits: 4 },
    { signals: 2, constraints: 29, domainBits: 5 },
  ])(
    'equals its twin: $constraints constraints, $signals public signals',
    async ({ signals, constraints, domainBits }) => {
      const circuit = solved(10 * constraints + signals, signals, constraints, Math.min(1, signals));
      const { zkey, verification, insecure } = await setUp(circuit);
      const twin = twinPoints(circuit, domainBits, drawToxicWaste(seededRandom(SEED)));
      expect(insecure).toBe(true);
      expect(verification).toEqual(twin.verification);
      const key = await openProvingKey(inline, zkey, { memoryBytes: 0 });
      try {
        expect(key).toMatchObject({ wires: circuit.system.wires, publicSignals: signals, domainBits });
        expect(key.verification).toEqual(twin.verification);
        expect([key.betaG1, key.deltaG1]).toEqual([twin.betaG1, twin.deltaG1]);
        for (const section of SECTIONS) {
          const points = await key.points(section, 0, key.pointsIn(section));
          expect(Buffer.from(points).equals(twin.sections[section]), section).toBe(true);
        }
      } finally {
        await key.close();
      }
    },
  );

  it('has the rows of its circuit, one for each public signal behind them, and says that it is insecure', async () => {
    const circuit = solved(3, 2, 6);
    const { a, b, table } = circuit.system;
    const { zkey } = await setUp(circuit);
    const key = await openProvingKey(inline, zkey, { memoryBytes: 0 });
    const one = `01${'00'.repeat(31)}`;
    const bound = [...rowsOf(a, table), [`0 ${one}`], [`1 ${one}`], [`2 ${one}`]];
    expect(rowsOf(key.a, key.table).slice(0, bound.length)).toEqual(bound);
    expect(rowsOf(key.b, key.table).slice(0, circuit.system.constraints)).toEqual(rowsOf(b, table));
    expect(Buffer.from(key.contributions).includes(INSECURE_MARK)).toBe(true);
    await key.close();
  });

  it('is the same from the same seed, with threads or without, and another one otherwise', async () => {
    const circuit = solved(4, 3, 60);
    const [first, threaded, other, system] = [
      await setUp(circuit),
      await setUp(circuit, pool),
      await setUp(circuit, inline, SEED + 1),
      place('system.zkey'),
    ];
    await developmentSetup({ compute: inline }, { constraints: circuit.system, target: system });
    const bytes = await readFile(first.zkey);
    expect((await readFile(threaded.zkey)).equals(bytes)).toBe(true);
    expect((await readFile(other.zkey)).equals(bytes)).toBe(false);
    expect((await readFile(system)).equals(bytes)).toBe(false);
  });

  it('takes infinity for wires that stand nowhere', async () => {
    const rows: Row[] = [[[1, 1n]]];
    const product: Row[] = [[[2, 1n]]];
    const { rows: matrices, table } = sparse([rows, rows, product]);
    const [a, b, c] = matrices as [(typeof matrices)[0], (typeof matrices)[0], (typeof matrices)[0]];
    const system = { wires: 5, publicOutputs: 0, publicInputs: 0, privateInputs: 4, constraints: 1, a, b, c, table };
    const circuit = { system, matrices: { a: rows, b: rows, c: product }, values: [1n, 3n, 9n, 5n, 6n] };
    const { zkey } = await setUp(circuit);
    const key = await openProvingKey(inline, zkey, { memoryBytes: 0 });
    const isAtInfinity = async (section: 'a' | 'b1' | 'b2' | 'c', at: number) =>
      (await key.points(section, at, 1)).every((byte) => byte === 0);
    expect(await isAtInfinity('a', 1)).toBe(false);
    for (const wire of [2, 3, 4]) expect(await isAtInfinity('a', wire)).toBe(true);
    for (const wire of [0, 2, 3, 4]) expect(await isAtInfinity('b2', wire)).toBe(true);
    expect(await isAtInfinity('c', 1)).toBe(false);
    for (const wire of [3, 4]) expect(await isAtInfinity('c', wire - 1)).toBe(true);
    await key.close();
    expect(await proveAndVerify(circuit, zkey)).toBe(true);
  });
});

describe('a key beside the one that snarkjs made of the same circuit', () => {
  it('has the same rows, and points at infinity for the same wires', async () => {
    const target = place('small.zkey');
    const constraints = await readConstraints(inline, SMALL.r1cs);
    await developmentSetup({ compute: inline }, { constraints, target });
    const [ours, theirs] = await Promise.all(
      [target, SMALL.zkey].map((path) => openProvingKey(inline, path, { memoryBytes: 0 })),
    );
    if (!ours || !theirs) throw new Error('No keys');
    const shape = async (key: ProvingKeyFile) => ({
      sizes: [key.wires, key.publicSignals, key.domainBits, ...SECTIONS.map((section) => key.pointsIn(section))],
      rows: [key.a, key.b].map((rows) => rowsOf(rows, key.table).map((row) => row.toSorted())),
      infinity: await Promise.all(
        SECTIONS.map(async (section) => {
          const points = await key.points(section, 0, key.pointsIn(section));
          const bytes = points.length / key.pointsIn(section);
          return Array.from({ length: key.pointsIn(section) }, (_, i) => i).filter((i) =>
            points.subarray(i * bytes, (i + 1) * bytes).every((byte) => byte === 0),
          );
        }),
      ),
    });
    expect(await shape(ours)).toEqual(await shape(theirs));
    await Promise.all([ours.close(), theirs.close()]);
    const { proof, publicSignals } = await snarkjs.groth16.prove(target, SMALL.wtns);
    expect(publicSignals).toEqual(SMALL.publicSignals);
    const key = await snarkjs.zKey.exportVerificationKey(target);
    expect(await snarkjs.groth16.verify(key, publicSignals, proof)).toBe(true);
    expect(await snarkjs.groth16.verify(SMALL.verificationKey, publicSignals, proof)).toBe(false);
  });
});

/** Proves and verifies with snarkjs alone, which takes the verification key out of the zkey. */
async function proveAndVerify({ system, values }: SolvedSystem, zkey: string): Promise<boolean> {
  const witness = `${zkey}.wtns`;
  await writeWitness(witness, witnessOf(values));
  const { proof, publicSignals } = await snarkjs.groth16.prove(zkey, witness);
  const count = system.publicOutputs + system.publicInputs;
  expect(publicSignals).toEqual(values.slice(1, count + 1).map(String));
  return await snarkjs.groth16.verify(await snarkjs.zKey.exportVerificationKey(zkey), publicSignals, proof);
}

describe('snarkjs, with a key of a development setup', () => {
  it.each([0, 1, 2, 5])('proves and verifies with %i public signals', async (signals) => {
    const circuit = solved(100 + signals, signals, 40, Math.min(signals, 2));
    const { zkey } = await setUp(circuit, pool);
    expect(await proveAndVerify(circuit, zkey)).toBe(true);
  });

  it('gives a proof that does not hold for a witness that satisfies all constraints but one', async () => {
    const circuit = solved(200, 2, 30);
    const { zkey } = await setUp(circuit);
    const wrong = circuit.values.with(-1, f.add(circuit.values.at(-1)!, 1n));
    expect(await proveAndVerify({ ...circuit, values: wrong }, zkey)).toBe(false);
  });

  it('gives a proof that does not hold for other signals, also of those that stand in no constraint', async () => {
    const circuit = solved(300, 6, 10);
    const { zkey } = await setUp(circuit);
    const witness = `${zkey}.wtns`;
    await writeWitness(witness, witnessOf(circuit.values));
    const { proof, publicSignals } = await snarkjs.groth16.prove(zkey, witness);
    const key = await snarkjs.zKey.exportVerificationKey(zkey);
    for (const [i, signal] of publicSignals.entries()) {
      const other = publicSignals.with(i, String(f.add(BigInt(signal), 1n)));
      expect(await snarkjs.groth16.verify(key, other, proof)).toBe(false);
    }
  });
});

describe('a development setup', () => {
  it('tells how far it is', async () => {
    const told: number[] = [];
    const target = place('progress.zkey');
    const { system } = solved(6, 1, 50);
    await developmentSetup({ compute: inline }, { constraints: system, target, onProgress: (part) => told.push(part) });
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.at(-1)).toBeCloseTo(1);
    expect(told.length).toBeGreaterThan(4);
  });

  it.each([0, 0.5, 0.99])('that is aborted at %f leaves nothing', async (limit) => {
    const { system } = solved(7, 1, 60);
    const target = place(`aborted-${limit}`);
    await mkdir(target);
    const stop = new AbortController();
    const setup = developmentSetup(
      { compute: pool },
      {
        constraints: system,
        target: join(target, 'a.zkey'),
        signal: stop.signal,
        onProgress: (part) => {
          if (part >= limit) stop.abort(new Error('enough'));
        },
      },
    );
    await expect(setup).rejects.toThrow('enough');
    expect(await readdir(target)).toEqual([]);
  });

  it('refuses a circuit that no domain has room for', async () => {
    const { system } = solved(8, 1, 2);
    const target = place('large.zkey');
    const large = { ...system, constraints: 2 ** 22 };
    await expect(developmentSetup({ compute: inline }, { constraints: large, target })).rejects.toMatchObject({
      code: 'GROTH16_CIRCUIT_TOO_LARGE',
    });
  });

  it('draws secrets other than 0 from the whole field', () => {
    const zeros = { ...seededRandom(0), bytes: (length: number) => new Uint8Array(length) };
    expect(drawToxicWaste(zeros)).toEqual({ tau: 1n, alpha: 1n, beta: 1n, delta: 1n });
    const ones = { ...zeros, bytes: (length: number) => new Uint8Array(length).fill(255) };
    expect(Object.values(drawToxicWaste(ones)).every((value) => value > 0n && value < f.modulus)).toBe(true);
    const { tau, alpha, beta, delta } = drawToxicWaste(seededRandom(1));
    expect(new Set([tau, alpha, beta, delta]).size).toBe(4);
  });
});
