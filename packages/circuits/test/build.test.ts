import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileInto } from '../src/compiler.ts';
import {
  buildCircuit,
  type CircuitFiles,
  type CircuitParameters,
  checkParameters,
  circuitSources,
  constraintsOf,
  NETWORK_PARAMETERS,
} from '../src/index.ts';
import { sourcesWith } from '../src/sources.ts';
import { CACHE, circuitOf } from './support/circuit.ts';

const TINY: CircuitParameters = {
  maxDepth: 3,
  maxLog2NSlots: 2,
  blockTreeDepth: 1,
  nFieldElemsPerCell: 1,
  nSamples: 1,
};

const hashes = ({ r1cs, wasm, sym }: CircuitFiles) =>
  [r1cs, wasm, sym].map((path) => createHash('sha256').update(readFileSync(path)).digest('hex'));

describe('a build', () => {
  let cache: string;
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'codex-circuits-'));
  });
  afterEach(() => rmSync(cache, { recursive: true, force: true }));

  it('gives the same bytes in another place, and when two build at once', async () => {
    const [one, other] = await Promise.all([buildCircuit(TINY, { cache }), buildCircuit(TINY, { cache })]);
    const third = await buildCircuit(TINY, { cache: join(cache, 'another', 'place') });
    expect(hashes(other)).toEqual(hashes(one));
    expect(hashes(third)).toEqual(hashes(one));
    expect(third.digest).toBe(one.digest);
    expect(readdirSync(cache).sort()).toEqual([one.digest, 'another'].sort());
  });

  it.each([
    [1, '06ef6d1a9c6b0402b20d34bbc58ef9372bc386749496869e128ddb5cf4f94d11'],
    [5, 'b859abf3dfc172d43ede5ff1b8117072b9d3acc74e9f8bb1a8c0fe608bc7c254'],
  ])(
    'of the circuit of the network with %i samples has the constraints that are pinned here',
    async (nSamples, pinned) => {
      // Keys are made for one file of constraints: whoever changes it must make new keys, and should know.
      const { r1cs } = await buildCircuit({ ...NETWORK_PARAMETERS, nSamples }, { cache: CACHE });
      expect(createHash('sha256').update(readFileSync(r1cs)).digest('hex')).toBe(pinned);
    },
    120_000,
  );

  it('is named after its sources and parameters', () => {
    const { digest } = circuitSources(TINY);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(circuitSources({ ...TINY }).digest).toBe(digest);
    expect(circuitSources({ ...TINY, nSamples: 2 }).digest).not.toBe(digest);
  });

  it('that fails leaves nothing behind, and tells what the compiler said', async () => {
    const broken = sourcesWith('pragma circom 2.1.0;\ncomponent main = Missing();\n');
    await expect(compileInto({ cache }, broken)).rejects.toMatchObject({
      code: 'CIRCUIT_BUILD_FAILED',
      data: { output: expect.stringContaining('Missing') },
    });
    expect(readdirSync(cache)).toEqual([]);
  });

  it('ends when it is told to', async () => {
    const abort = new AbortController();
    const building = buildCircuit(TINY, { cache, signal: abort.signal });
    abort.abort();
    await expect(building).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe('parameters', () => {
  it.each([
    { ...TINY, nSamples: 0 },
    { ...TINY, nSamples: 128 },
    { ...TINY, nSamples: 1.5 },
    { ...TINY, blockTreeDepth: 0 },
    { ...TINY, maxDepth: 2 },
    { ...TINY, maxDepth: 64 },
    { ...TINY, maxLog2NSlots: 1 },
    { ...TINY, maxLog2NSlots: 33 },
    { ...TINY, nFieldElemsPerCell: 0 },
    { ...TINY, nFieldElemsPerCell: Number.NaN },
  ])('that make no circuit are refused: %o', async (parameters) => {
    const error = expect.objectContaining({ code: 'CIRCUIT_PARAMETERS_INVALID' });
    expect(() => checkParameters(parameters)).toThrow(error);
    expect(() => constraintsOf(parameters)).toThrow(error);
    await expect(buildCircuit(parameters, { cache: '/nowhere' })).rejects.toEqual(error);
  });

  it.each([
    TINY,
    { ...TINY, nSamples: 4 },
    { ...TINY, nFieldElemsPerCell: 4, maxLog2NSlots: 3 },
    { ...TINY, maxDepth: 6, blockTreeDepth: 3 },
  ])('foretell the number of constraints: %o', async (parameters) => {
    const { r1cs } = await circuitOf(parameters);
    expect(r1cs.constraints.length).toBe(constraintsOf(parameters));
  });
});
