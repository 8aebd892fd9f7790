import { scalarField as f, fp12, g1, pairingProduct } from '@codex/bn254';
import { type Compute, createCompute, InlineCompute } from '@codex/compute';
import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Proof, ProvingKey } from '../../src/format/types.ts';
import { Prover, provingMemoryBytes } from '../../src/index.ts';
import { drawRandomness } from '../../src/prover/randomness.ts';
import { drawSystem, type SolvedSystem, shared, witnessOf } from './support/system.ts';
import { twinKey, twinProof } from './support/twin.ts';

const inline = new InlineCompute();
const pool = createCompute({ threads: 2 });
afterAll(() => pool.stop());

/** The equation of 11 §5.5. */
function holds({ verification }: ProvingKey, { a, b, c }: Proof, signals: readonly bigint[]): boolean {
  const { alpha, beta, gamma, delta, ic } = verification;
  const bound = g1.multiplyAndAdd(ic, [1n, ...signals]);
  const pairs = [
    { g1: g1.negate(a), g2: b },
    { g1: alpha, g2: beta },
    { g1: bound, g2: gamma },
    { g1: c, g2: delta },
  ];
  return fp12.equals(pairingProduct(pairs), fp12.one);
}

const drawn = (seed: number, publicInputs: number, constraints: number) =>
  drawSystem(seededRandom(seed), { publicInputs, constraints });

const prover = (key: ProvingKey, compute: Compute = inline, seed?: number) =>
  new Prover({ compute, ...(seed === undefined ? {} : { random: seededRandom(seed) }) }, { key });

const SMALL = drawn(7, 2, 9);
const SMALL_KEY = twinKey(SMALL);

/** A key whose points wait until they are let through. */
function slowKey(key: ProvingKey) {
  const asked: string[] = [];
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const slow: ProvingKey = {
    ...key,
    points: async (section, start, count, options) => {
      asked.push(section);
      await gate;
      options?.signal?.throwIfAborted();
      return key.points(section, start, count);
    },
  };
  return { slow, asked, open };
}

describe('the prover', () => {
  it('makes what the twin makes, of circuits of all shapes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 14 }),
        async (seed, publicInputs, constraints) => {
          const solved = drawn(seed, publicInputs, constraints);
          const key = twinKey(solved);
          const { proof, publicSignals } = await prover(key, inline, seed).prove(witnessOf(solved.values));
          expect(publicSignals).toEqual(solved.values.slice(1, publicInputs + 1));
          expect(proof).toEqual(await twinProof(solved, key, drawRandomness(seededRandom(seed))));
        },
      ),
      { numRuns: 8 },
    );
  });

  it.each([0, 1, 3])('proves with %i public signals', async (publicInputs) => {
    const solved = drawn(11 + publicInputs, publicInputs, 20);
    const key = twinKey(solved);
    const { proof, publicSignals } = await prover(key, pool).prove(witnessOf(solved.values));
    expect(holds(key, proof, publicSignals)).toBe(true);
    if (publicInputs > 0) {
      const others = publicSignals.with(0, f.add(publicSignals[0] ?? 0n, 1n));
      expect(holds(key, proof, others)).toBe(false);
    }
  });

  it('shows nothing twice: proofs of one witness have no point in common, and all verify', async () => {
    const one = prover(SMALL_KEY);
    const witness = witnessOf(SMALL.values);
    const proofs = [await one.prove(witness), await one.prove(witness), await one.prove(witness)];
    for (const { proof, publicSignals } of proofs) expect(holds(SMALL_KEY, proof, publicSignals)).toBe(true);
    for (const part of ['a', 'b', 'c'] as const) {
      const texts = proofs.map(({ proof }) =>
        JSON.stringify(proof[part], (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
      );
      expect(new Set(texts).size).toBe(proofs.length);
    }
  });

  it('makes no proof that verifies of a wrong witness, whichever value is wrong', async () => {
    const used = new Set([...SMALL.matrices.a, ...SMALL.matrices.b, ...SMALL.matrices.c].flat().map(([wire]) => wire));
    const one = prover(SMALL_KEY);
    let refused = 0;
    for (let wire = 1; wire < SMALL.values.length; wire++) {
      const wrong = SMALL.values.with(wire, f.add(SMALL.values[wire] ?? 0n, 1n));
      const { proof, publicSignals } = await one.prove(witnessOf(wrong));
      const isRight = satisfies(SMALL, wrong);
      expect(holds(SMALL_KEY, proof, publicSignals), `wire ${wire}`).toBe(isRight);
      if (!isRight) refused++;
    }
    expect(used.size).toBeGreaterThan(8);
    expect(refused).toBeGreaterThan(8);
  });

  it('leaves nothing of one proof to the next', async () => {
    const one = prover(SMALL_KEY);
    const wrong = SMALL.values.map((value, i) => (i === 0 ? value : f.add(value, 12345n)));
    await one.prove(witnessOf(wrong));
    const { proof, publicSignals } = await one.prove(witnessOf(SMALL.values));
    expect(holds(SMALL_KEY, proof, publicSignals)).toBe(true);
    one.releaseMemory();
    const again = await one.prove(witnessOf(SMALL.values));
    expect(holds(SMALL_KEY, again.proof, again.publicSignals)).toBe(true);
  });

  it('refuses a witness that is not of this key', async () => {
    const one = prover(SMALL_KEY);
    const { values } = SMALL;
    const refused = { code: 'GROTH16_WITNESS_MISMATCH' };
    await expect(one.prove(witnessOf(values.slice(0, -1)))).rejects.toMatchObject(refused);
    await expect(one.prove(witnessOf([...values, 0n]))).rejects.toMatchObject(refused);
    await expect(one.prove({ count: values.length, values: shared(32) })).rejects.toMatchObject(refused);
    await expect(one.prove(witnessOf(values.with(0, 2n)))).rejects.toMatchObject(refused);
    await expect(one.prove(witnessOf(values.with(0, 0n)))).rejects.toMatchObject(refused);
  });
});

function satisfies({ matrices }: SolvedSystem, values: readonly bigint[]): boolean {
  const times = (row: readonly (readonly [number, bigint])[]) =>
    f.of(row.reduce((sum, [wire, coefficient]) => sum + coefficient * (values[wire] ?? 0n), 0n));
  return matrices.a.every(
    (row, i) => f.multiply(times(row), times(matrices.b[i] ?? [])) === times(matrices.c[i] ?? []),
  );
}

describe('a proof on its way', () => {
  it('tells how far it is, and of its phases', async () => {
    const fractions: number[] = [];
    const open = new Set<string>();
    const ended: string[] = [];
    await prover(SMALL_KEY).prove(witnessOf(SMALL.values), {
      onProgress: (fraction) => fractions.push(fraction),
      onPhase: (phase, event) => {
        if (event === 'begin') open.add(phase);
        else if (open.delete(phase)) ended.push(phase);
      },
    });
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.at(0)).toBeGreaterThan(0);
    expect(fractions.at(-1)).toBeCloseTo(1, 10);
    expect(open.size).toBe(0);
    expect(ended.toSorted()).toEqual(['a', 'b2', 'c', 'h', 'quotient', 'randomness']);
    expect(ended.indexOf('quotient')).toBeLessThan(ended.indexOf('h'));
  });

  it('ends when it is aborted, and the next one is right', async () => {
    const { slow, asked, open } = slowKey(SMALL_KEY);
    const one = prover(slow, pool);
    const controller = new AbortController();
    const proof = one.prove(witnessOf(SMALL.values), { signal: controller.signal });
    await expect.poll(() => asked.length).toBeGreaterThan(0);
    const reason = new Error('enough');
    controller.abort(reason);
    open();
    await expect(proof).rejects.toBe(reason);
    const next = await one.prove(witnessOf(SMALL.values));
    expect(holds(SMALL_KEY, next.proof, next.publicSignals)).toBe(true);
    await expect(one.prove(witnessOf(SMALL.values), { signal: controller.signal })).rejects.toBe(reason);
  });

  it('makes the next one wait; who gives up waiting does not disturb it', async () => {
    const { slow, asked, open } = slowKey(SMALL_KEY);
    const one = prover(slow, pool);
    const first = one.prove(witnessOf(SMALL.values));
    const controller = new AbortController();
    const second = one.prove(witnessOf(SMALL.values), { signal: controller.signal });
    const third = one.prove(witnessOf(SMALL.values));
    await expect.poll(() => asked.length).toBe(3);
    controller.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    open();
    for (const { proof, publicSignals } of await Promise.all([first, third])) {
      expect(holds(SMALL_KEY, proof, publicSignals)).toBe(true);
    }
    expect(asked.length).toBe(8);
  });

  it('fails with what the key fails with, when all jobs have ended', async () => {
    let failing = true;
    const key: ProvingKey = {
      ...SMALL_KEY,
      points: async (section, start, count) => {
        if (section === 'c' && failing) throw new Error('the disk is gone');
        return SMALL_KEY.points(section, start, count);
      },
    };
    const one = prover(key, pool);
    await expect(one.prove(witnessOf(SMALL.values))).rejects.toThrow('the disk is gone');
    failing = false;
    const { proof, publicSignals } = await one.prove(witnessOf(SMALL.values));
    expect(holds(SMALL_KEY, proof, publicSignals)).toBe(true);
  });
});

describe('a key that is not in memory', () => {
  /** Reads into what it is given, as a file does; notes what was given. */
  function streamed(key: ProvingKey) {
    const given = new Set<ArrayBufferLike>();
    const reads: string[] = [];
    const stream: ProvingKey = {
      ...key,
      points: async (section, start, count, options) => {
        const points = await key.points(section, start, count);
        const target = options?.allocate?.(points.length) ?? shared(points.length);
        given.add(target.buffer);
        reads.push(section);
        target.set(points);
        return target;
      },
    };
    return { stream, given, reads };
  }

  it.each([
    ['two points', 128],
    ['three', 200],
    ['seven', 7 * 64],
  ])('is read %s of G1 at a time, into few buffers', async (_, partBytes) => {
    const { stream, given, reads } = streamed(SMALL_KEY);
    for (const compute of [inline, pool]) {
      const one = new Prover({ compute, random: seededRandom(5) }, { key: stream, partBytes });
      const expected = await twinProof(SMALL, SMALL_KEY, drawRandomness(seededRandom(5)));
      given.clear();
      reads.length = 0;
      expect((await one.prove(witnessOf(SMALL.values))).proof).toEqual(expected);
      expect(reads.filter((section) => section === 'a').length).toBe(
        Math.ceil(SMALL_KEY.wires / Math.floor(partBytes / 64)),
      );
      expect(reads).not.toContain('b1');
      const { proof, publicSignals } = await one.prove(witnessOf(SMALL.values));
      expect(holds(SMALL_KEY, proof, publicSignals)).toBe(true);
      expect(given.size).toBeLessThanOrEqual(3);
    }
  });

  it('is read on after a failure', async () => {
    const { stream } = streamed(SMALL_KEY);
    let reads = 0;
    const flaky: ProvingKey = {
      ...stream,
      points: async (section, start, count, options) => {
        if (++reads === 5) throw new Error('the disk is slow');
        return stream.points(section, start, count, options);
      },
    };
    const one = new Prover({ compute: pool }, { key: flaky, partBytes: 256 });
    await expect(one.prove(witnessOf(SMALL.values))).rejects.toThrow('the disk is slow');
    const { proof, publicSignals } = await one.prove(witnessOf(SMALL.values));
    expect(holds(SMALL_KEY, proof, publicSignals)).toBe(true);
  });
});

describe('memory', () => {
  it('is estimated from the key: below 1 GiB for 100 samples and two threads', () => {
    const five = provingMemoryBytes({ wires: 83_761, domainBits: 17 }, 2);
    const hundred = provingMemoryBytes({ wires: 1_620_000, domainBits: 21 }, 2);
    expect(five).toBeLessThan(300 * 2 ** 20);
    expect(hundred).toBeGreaterThan(4 * 2 ** 21 * 32);
    expect(hundred).toBeLessThan(2 ** 30);
  });
});
