import { readFileSync } from 'node:fs';
import { permute, R, sponge } from '@codex/poseidon2';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateConstants } from '../build/constants.ts';
import { circuitFrom, gadget, type LoadedCircuit } from './support/circuit.ts';
import { layersOver, padded, pathOf } from './support/dataset.ts';
import { Forger, inverse } from './support/forger.ts';
import { modulo, violations } from './support/r1cs.ts';

const element = fc.oneof(fc.constantFrom(0n, 1n, R - 1n), fc.bigInt({ min: 0n, max: R - 1n }));

describe('the round constants', () => {
  it('are those that the register gives', () => {
    const file = readFileSync(new URL('../circom/constants.circom', import.meta.url), 'utf8');
    expect(file).toBe(generateConstants());
  });
});

describe('Permutation', () => {
  let circuit: LoadedCircuit;
  beforeAll(async () => {
    circuit = await gadget('poseidon2.circom', 'Permutation()', ['in']);
  });

  it('costs three constraints for each S-box, of few terms', () => {
    const { constraints } = circuit.r1cs;
    expect(constraints.length).toBe(240);
    const terms = constraints.flat().reduce((sum, combination) => sum + combination.length, 0);
    expect(terms / constraints.length).toBeLessThan(8);
  });

  it('is that of the protocol', () => {
    fc.assert(
      fc.property(element, element, element, (x, y, z) => {
        const witness = circuit.generator.witness({ in: [x, y, z] });
        expect(witness.slice(1, 4)).toEqual([...permute([x, y, z])]);
        expect(violations(circuit.r1cs, witness)).toEqual([]);
      }),
      { numRuns: 20, examples: [[0n, 1n, 2n]] },
    );
  });
});

describe('Sponge', () => {
  it.each([1, 2, 3, 4])('digests %i elements as the protocol does', async (n) => {
    const { generator, r1cs } = await gadget('poseidon2.circom', `Sponge(${n})`, ['data']);
    const data = Array.from({ length: n }, (_, i) => BigInt(i + 1));
    const witness = generator.witness({ data });
    expect(witness[1]).toBe(sponge(data));
    expect(violations(r1cs, witness)).toEqual([]);
  });

  it('does not take a padding other than that of its length', async () => {
    // Three elements and the padding's one are four elements: a digest over four must not pass for one over three.
    const { generator, r1cs } = await gadget('poseidon2.circom', 'Sponge(3)', ['data']);
    const data = [1n, 2n, 3n];
    const forger = new Forger(r1cs, generator.witness({ data }));
    const inputs = data.map((value, i) => [2 + i, value] as const);
    expect(forger.forge(new Map([[1, sponge(data)], ...inputs]))).toBe(0);
    for (const wrong of [
      [1n, 2n, 3n, 0n],
      [1n, 2n, 3n, 1n],
      [1n, 2n],
    ]) {
      expect(forger.forge(new Map([[1, sponge(wrong)], ...inputs]))).toBeGreaterThan(0);
    }
  });
});

describe('LowestBits', () => {
  const N = 32;
  let circuit: LoadedCircuit;
  /** Outputs are wires 1 to N, the input follows, then the bits above. */
  const bitsOf = (witness: readonly bigint[]) =>
    witness.slice(1, N + 1).reduce((sum, bit, i) => sum + (bit << BigInt(i)), 0n);
  beforeAll(async () => {
    circuit = await gadget('bits.circom', `LowestBits(${N})`, ['in']);
  });

  const limit = ((R - 1n) >> 32n) << 32n;
  it('gives the lowest bits of the canonical integer, up to the greatest with a representation', () => {
    fc.assert(
      fc.property(fc.oneof(fc.bigInt({ min: 0n, max: limit - 1n }), fc.nat(1000).map(BigInt)), (value) => {
        const witness = circuit.generator.witness({ in: value });
        expect(bitsOf(witness)).toBe(value & 0xffffffffn);
        expect(violations(circuit.r1cs, witness)).toEqual([]);
      }),
      { numRuns: 100, examples: [[0n], [limit - 1n], [1n << 253n], [(1n << 253n) - 1n]] },
    );
  });

  it('has no representation for the last of all elements, which no digest meets', () => {
    expect(() => circuit.generator.witness({ in: R - 1n })).toThrow('do not satisfy');
    expect(() => circuit.generator.witness({ in: limit })).toThrow('do not satisfy');
  });

  it('weighs its bits so that no sum of them reaches r', () => {
    // One bit is optimised away: where its boolean constraint was, there stands the sum of all others and the input.
    const input = circuit.symbols.get('main.in')!;
    const sums = circuit.r1cs.constraints.flat().filter((combination) => combination.length > 254);
    expect(sums.length).toBeGreaterThan(0);
    for (const sum of sums) {
      const scale = inverse(sum.find(([wire]) => wire === input)![1]);
      const others = sum.filter(([wire]) => wire !== input && wire !== 0);
      const weights = [scale, ...others.map(([, coefficient]) => modulo(-coefficient * scale))];
      expect(weights.length).toBe(254);
      expect(weights.reduce((total, weight) => total + weight)).toBe(limit - 1n);
    }
  });

  /** The wires of a cheater who says that the bits are those of this integer. */
  function claim(symbols: ReadonlyMap<string, number>, input: bigint, bits: readonly (readonly [string, bigint])[]) {
    const claimed = bits.flatMap(([name, bit]) => (symbols.has(name) ? [[symbols.get(name)!, bit] as const] : []));
    return new Map([[symbols.get('main.in')!, input] as const, ...claimed]);
  }
  const bitsFrom = (name: string, integer: bigint, count: number) =>
    Array.from({ length: count }, (_, i) => [`main.${name}[${i}]`, (integer >> BigInt(i)) & 1n] as const);
  /** Where value + r has 254 bits too, so that plain bits could say either. */
  const ambiguous = fc.bigInt({ min: 0n, max: (1n << 254n) - R - 1n });

  it('takes no bits of an integer that is not canonical', () => {
    const { generator, r1cs, symbols } = circuit;
    fc.assert(
      fc.property(ambiguous, (value) => {
        const forger = new Forger(r1cs, generator.witness({ in: value }));
        const other = value + R;
        const low = bitsFrom('bits', other, N);
        expect(forger.forge(claim(symbols, value, low))).toBeGreaterThan(0);
        for (const highest of [0n, 1n]) {
          const rest = (other >> 32n) - highest * ((limit >> 32n) - (1n << 221n));
          const high = bitsFrom('high', rest, 221);
          const fixed = claim(symbols, value, [...low, ...high, ['main.highest', highest]]);
          expect(forger.forge(fixed)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('would be forged if it were a plain sum of 254 bits: the cheater of these tests finds the way', async () => {
    const { generator, r1cs, symbols } = await circuitFrom(`pragma circom 2.1.0;
template Plain() {
    signal input in;
    signal bits[254];
    var sum = 0;
    for (var i = 0; i < 254; i++) {
        bits[i] <-- (in >> i) & 1;
        bits[i] * (bits[i] - 1) === 0;
        sum += bits[i] * (1 << i);
    }
    in === sum;
}
component main {public [in]} = Plain();
`);
    fc.assert(
      fc.property(ambiguous, (value) => {
        const forger = new Forger(r1cs, generator.witness({ in: value }));
        expect(forger.forge(claim(symbols, value, bitsFrom('bits', value + R, 254)))).toBe(0);
      }),
      { numRuns: 3 },
    );
  });
});

describe('RootOfPath', () => {
  const DEPTH = 3;
  let circuit: LoadedCircuit;
  beforeAll(async () => {
    circuit = await gadget('merkle.circom', `RootOfPath(${DEPTH})`, ['leaf', 'index', 'count', 'siblings']);
  });
  const leaves = Array.from({ length: 2 ** DEPTH }, (_, i) => BigInt(100 + i));

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('finds the root of a tree of %i leaves from each of them', (count) => {
    const layers = layersOver(leaves.slice(0, count));
    for (let index = 0; index < count; index++) {
      const siblings = padded(pathOf(layers, index), DEPTH);
      const witness = circuit.generator.witness({ leaf: leaves[index]!, index, count, siblings });
      expect(witness[1]).toBe(layers.at(-1)![0]);
      expect(violations(circuit.r1cs, witness)).toEqual([]);
    }
  });

  it('takes no index that is not below the count, and no count that is zero or too great', () => {
    const siblings = [1n, 2n, 3n];
    const honest = circuit.generator.witness({ leaf: 7n, index: 0, count: 8, siblings });
    const forger = new Forger(circuit.r1cs, honest);
    const { symbols } = circuit;
    const outOfRange = [
      [8, 8],
      [9, 9],
      [0, 9],
      [0, 0],
      [1, 1],
      [-1, 8],
      [0, -1],
      ...Array.from({ length: 7 }, (_, i) => [7, i + 1]),
    ];
    for (const [index = 0, count = 0] of outOfRange) {
      expect(() => circuit.generator.witness({ leaf: 7n, index, count, siblings })).toThrow('do not satisfy');
      const fixed = new Map([
        [symbols.get('main.index')!, BigInt(index)],
        [symbols.get('main.count')!, BigInt(count)],
      ]);
      expect(forger.forge(fixed), `${index} of ${count}`).toBeGreaterThan(0);
    }
  });

  it('tells apart trees of other counts by their roots', () => {
    // The same leaf and path under another count must give another root, or the count could be lied about.
    const roots = new Map<bigint, string>();
    for (let count = 1; count <= 8; count++) {
      const index = count - 1;
      const witness = circuit.generator.witness({ leaf: 7n, index, count, siblings: [0n, 0n, 0n] });
      expect(roots.get(witness[1]!), `${index} of ${count}`).toBeUndefined();
      roots.set(witness[1]!, `${index} of ${count}`);
    }
  });
});

describe('SlotSize', () => {
  it('takes powers of two in its range and one mark for each, of all numbers and all marks', async () => {
    const { generator, r1cs, symbols } = await gadget('sample-and-prove.circom', 'SlotSize(2, 4)', ['cells']);
    const forger = new Forger(r1cs, generator.witness({ cells: 4 }));
    const accepted: string[] = [];
    for (let cells = 0; cells <= 33; cells++) {
      for (let marks = 0; marks < 8; marks++) {
        const has = [0, 1, 2].map((j) => [symbols.get(`main.has[${j}]`)!, BigInt((marks >> j) & 1)] as const);
        if (forger.forge(new Map([[symbols.get('main.cells')!, BigInt(cells)], ...has])) === 0) {
          accepted.push(`${cells}: ${marks}`);
        }
      }
    }
    expect(accepted).toEqual(['4: 1', '8: 2', '16: 4']);
  });
});
