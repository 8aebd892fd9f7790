import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { InlineCompute, WorkerPool } from '@codex/compute';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CircuitInputs,
  type InputValue,
  readConstraints,
  readWitness,
  type Witness,
  WitnessGenerator,
  writeWitness,
} from '../../src/index.ts';
import { compileCircuit } from '../support/circuit.ts';
import { temporaryDirectory } from '../support/places.ts';
import { useSnarkjs } from '../support/snarkjs.ts';
import { SMALL } from '../support/vectors.ts';

const pool = new WorkerPool({}, { threads: 2 });
const inline = new InlineCompute();
afterAll(() => pool.stop());
const pathOf = temporaryDirectory();
const snarkjs = useSnarkjs();

let wasm: string;
let r1cs: string;
beforeAll(async () => {
  ({ wasm, r1cs } = await compileCircuit(SMALL.circom, pathOf('small')));
});

const values = ({ values }: Witness) => Buffer.from(values);

describe('a witness', () => {
  it('is that of snarkjs, from the circuit that the key was made for', async () => {
    expect(await readFile(r1cs)).toEqual(await readFile(SMALL.r1cs));
    const generator = new WitnessGenerator({ compute: pool }, { path: wasm });
    const witness = await generator.generate(SMALL.inputs);
    expect(witness.values.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(values(witness)).toEqual(values(await readWitness(pool, SMALL.wtns)));

    await snarkjs.wtns.calculate(SMALL.inputs, wasm, pathOf('theirs.wtns'));
    await writeWitness(pathOf('ours.wtns'), witness);
    expect(await readFile(pathOf('ours.wtns'))).toEqual(await readFile(pathOf('theirs.wtns')));
    expect(await snarkjs.wtns.check(r1cs, pathOf('ours.wtns'))).toBe(true);
  });

  it('has as many values as the circuit has wires, whatever was asked before', async () => {
    const generator = new WitnessGenerator({ compute: inline }, { path: wasm });
    const { wires } = await readConstraints(inline, r1cs);
    const first = await generator.generate(SMALL.inputs);
    expect(first.count).toBe(wires);
    await expect(generator.generate({ ...SMALL.inputs, small: 256 })).rejects.toThrow();
    const other = await generator.generate({ ...SMALL.inputs, small: 7 });
    expect(values(other)).not.toEqual(values(first));
    expect(values(await generator.generate(SMALL.inputs))).toEqual(values(first));
  });

  it('is the same for numbers in any form', async () => {
    const generator = new WitnessGenerator({ compute: pool }, { path: wasm });
    const witness = await generator.generate({
      x: 3n,
      key: '0xB',
      secrets: [1, '2', 3n, ['4', [5]], 0, 1, '-1', 7, '100000000000000000000000000000'],
      small: '165',
    });
    expect(values(witness)).toEqual(values(await readWitness(pool, SMALL.wtns)));
  });

  it('is not there for inputs that do not satisfy the circuit: its output says where', async () => {
    const generator = new WitnessGenerator({ compute: pool }, { path: wasm });
    await expect(generator.generate({ ...SMALL.inputs, small: 256 })).rejects.toMatchObject({
      code: 'GROTH16_WITNESS_FAILED',
      data: { reason: 'the inputs do not satisfy the circuit', output: expect.stringContaining('Bits') },
    });
  });

  it.each<[string, CircuitInputs, string]>([
    ['an unknown name', { ...SMALL.inputs, other: 1 }, 'none of this name'],
    ['a missing one', { x: 1, key: 2, small: 3 }, 'missing'],
    ['nothing', {}, 'missing'],
    ['too many numbers', { ...SMALL.inputs, secrets: Array(11).fill(1) }, 'more than 10'],
    ['too few', { ...SMALL.inputs, secrets: Array(9).fill(1) }, '9 numbers of 10'],
    ['a list of none', { ...SMALL.inputs, x: [] }, '0 numbers of 1'],
    ['a fraction', { ...SMALL.inputs, x: 1.5 }, 'no integer'],
    ['a number that is not exact', { ...SMALL.inputs, x: 2 ** 60 }, 'no integer'],
    ['text', { ...SMALL.inputs, x: 'one' }, 'no integer'],
    ['no text', { ...SMALL.inputs, x: '' }, 'no integer'],
    ['an endless number', { ...SMALL.inputs, x: '9'.repeat(1_000_000) }, 'no integer'],
    ['an object', { ...SMALL.inputs, x: {} as unknown as InputValue }, 'no integer'],
    ['null', { ...SMALL.inputs, x: null as unknown as InputValue }, 'no integer'],
    ['deep arrays', { ...SMALL.inputs, x: [[[[[[[[[1]]]]]]]]] }, 'nested too deeply'],
  ])('is not computed from %s', async (_, inputs, reason) => {
    const generator = new WitnessGenerator({ compute: inline }, { path: wasm });
    await expect(generator.generate(inputs)).rejects.toMatchObject({
      code: 'GROTH16_INPUT_INVALID',
      data: { reason: expect.stringContaining(reason) },
    });
  });

  it('is computed or refused with a code, whatever the inputs are', async () => {
    const generator = new WitnessGenerator({ compute: inline }, { path: wasm });
    const json = fc.oneof(fc.jsonValue(), fc.record({ x: fc.jsonValue(), key: fc.jsonValue(), small: fc.jsonValue() }));
    await fc.assert(
      fc.asyncProperty(json, async (change) => {
        const inputs = typeof change === 'object' ? { ...SMALL.inputs, ...change } : { ...SMALL.inputs, x: change };
        await generator
          .generate(inputs as CircuitInputs)
          .catch((error) => expect(error.code).toMatch(/^GROTH16_(INPUT_INVALID|WITNESS_FAILED)$/));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a generator', () => {
  const generate = (path: string) => new WitnessGenerator({ compute: inline }, { path }).generate(SMALL.inputs);

  it('that is not there is refused with a code', async () => {
    await expect(generate(pathOf('nothing'))).rejects.toMatchObject({ code: 'GROTH16_FILE_UNREADABLE' });
  });

  it.each<[string, () => Promise<Uint8Array>, string]>([
    ['of something else', () => readFile(SMALL.r1cs), 'no WebAssembly'],
    ['without functions', async () => Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0), 'no witness generator'],
    ['that is cut off', async () => (await readFile(wasm)).subarray(0, 5000), 'no WebAssembly'],
  ])('%s is refused', async (_, bytes, reason) => {
    const path = pathOf('wrong.wasm');
    await writeFile(path, await bytes());
    await expect(generate(path)).rejects.toMatchObject({
      code: 'GROTH16_FILE_INVALID',
      data: { reason: expect.stringContaining(reason) },
    });
  });

  it('that was replaced is compiled anew', async () => {
    const path = pathOf('replaced.wasm');
    await copyFile(wasm, path);
    await generate(path);
    await writeFile(path, Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
    await expect(generate(path)).rejects.toMatchObject({ code: 'GROTH16_FILE_INVALID' });
  });

  it('is not waited for when that is aborted', async () => {
    const generator = new WitnessGenerator({ compute: pool }, { path: wasm });
    const controller = new AbortController();
    const generating = generator.generate(SMALL.inputs, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(generating).rejects.toThrow('enough');
  });
});
