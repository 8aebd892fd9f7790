import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockDigest,
  cellDigests,
  decodeElement,
  decodeElements,
  encodeElement,
  encodeElements,
  MerkleTree,
  merkleRoots,
  type Poseidon2,
  packBytes,
  permute,
  R,
  rootOfProof,
  sponge,
  verifyProof,
} from '../src/index.ts';
import { hex, seeded, upTo, vectors } from './vectors.ts';

const RATES = [1, 2] as const;

/** Elements, many of them at the edges: of the field, and of limbs of 51 bits. */
const element: fc.Arbitrary<bigint> = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, R - 1n, R - 2n, R >> 1n, (R >> 1n) + 1n),
  fc
    .tuple(fc.integer({ min: 0, max: 253 }), fc.bigInt(-2n, 2n))
    .map(([bit, off]) => (R + (1n << BigInt(bit)) + off) % R),
  fc
    .array(fc.constantFrom(0n, 1n, 2n ** 50n - 1n, 2n ** 50n, 2n ** 51n - 1n), { minLength: 5, maxLength: 5 })
    .map((limbs) => limbs.reduceRight((sum, limb) => (sum << 51n) | limb, 0n) % R),
  fc.bigInt(0n, R - 1n),
);

/** What every hasher must do: all vectors of spec 10, and what the twin does. */
export function hasherCompliance(name: string, make: () => Poseidon2, runs: number): void {
  describe(name, () => {
    const hasher = make();
    const one = (bytes: Uint8Array, rate: 1 | 2 = 2) => hasher.hashBytes({ data: bytes, count: 1, rate });

    it('permutes', () => {
      const states = vectors.permutation.flatMap(({ in: state }) => state.map(BigInt));
      const out = decodeElements(hasher.permute(encodeElements(states))).map(String);
      expect(out).toEqual(vectors.permutation.flatMap((vector) => vector.out));
    });

    it('compresses', () => {
      for (const { a, b, key, out } of vectors.compress) {
        const result = hasher.compress(encodeElements([BigInt(a), BigInt(b)]), key);
        expect([hex(result), String(decodeElement(result))]).toEqual([out.le, out.dec]);
      }
      const pair = hasher.compress(concat(one(Uint8Array.of(1, 2, 3)), one(Uint8Array.of(4, 5, 6))), 0);
      expect(String(decodeElement(pair))).toBe(
        '14775069594627342666055351682734483169519857703516399146057084437043964051312',
      );
    });

    it('absorbs elements', () => {
      for (const { n, rate1, rate2 } of vectors.spongeElements) {
        for (const [rate, digest] of [
          [1, rate1],
          [2, rate2],
        ] as const) {
          expect(hex(hasher.hashElements({ data: upTo(n), count: 1, rate }))).toBe(digest.le);
        }
      }
    });

    it('absorbs bytes', () => {
      for (const { seed, len, rate1, rate2, merkleBytes, elements } of vectors.spongeBytes) {
        const bytes = seeded(seed, len);
        const packed = packBytes(bytes);
        expect(packed).toHaveLength(elements);
        expect([hex(one(bytes, 1)), hex(one(bytes, 2))]).toEqual([rate1.le, rate2.le]);
        expect(hex(merkleRoots(hasher, encodeElements(packed), elements))).toBe(merkleBytes.le);
      }
    });

    it('digests cells and blocks', () => {
      for (const { seed, zeros, len, digest } of vectors.cellDigests) {
        const bytes = seed === undefined ? new Uint8Array(zeros ?? 0) : seeded(seed, len ?? 0);
        expect(hex(cellDigests(hasher, bytes, bytes.length))).toBe(digest.le);
      }
      for (const vector of vectors.blockDigests) {
        const bytes = vector.seed === undefined ? new Uint8Array(vector.size) : seeded(vector.seed, vector.size);
        expect(cellDigests(hasher, bytes, vector.cellSize)).toHaveLength(32 * vector.leaves);
        expect(hex(blockDigest(hasher, bytes, vector.cellSize))).toBe(vector.root.le);
        // Multihashes: code and length, four bytes, before the digest (10 §7).
        expect(hex(blockDigest(hasher, bytes))).toBe(vector.multihash_merkle2kb.slice(8));
        expect(hex(one(bytes))).toBe(vector.multihash_sponge_r2.slice(8));
      }
    });

    it('grows trees', () => {
      for (const { n, root } of vectors.merkle) {
        expect(hex(MerkleTree.over(hasher, upTo(n)).root)).toBe(root.le);
        expect(hex(merkleRoots(hasher, upTo(n), n))).toBe(root.le);
      }
    });

    it('proves leaves', () => {
      for (const { n, index, path, root } of vectors.merkleProofs) {
        const proof = MerkleTree.over(hasher, upTo(n)).proof(index);
        expect(proof.path.map(hex)).toEqual(path);
        expect(hex(rootOfProof(hasher, encodeElement(BigInt(index + 1)), proof)!)).toBe(root);
        expect(verifyProof(hasher, encodeElement(BigInt(index + 2)), proof, Buffer.from(root, 'hex'))).toBe(false);
      }
    });

    it('permutes as the twin, at the edges too', () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(element, element, element), { minLength: 1, maxLength: 6 }), (states) => {
          const out = decodeElements(hasher.permute(encodeElements(states.flat())));
          expect(out).toEqual(states.flatMap((state) => permute(state)));
        }),
        { numRuns: runs },
      );
    });

    it('hashes as the twin, whatever the size and the number of messages', () => {
      const shape = fc.record({
        count: fc.integer({ min: 0, max: 6 }),
        bytes: fc.integer({ min: 0, max: 130 }),
        rate: fc.constantFrom(...RATES),
        fill: fc.constantFrom(0, 255, undefined),
      });
      fc.assert(
        fc.property(shape, fc.string(), ({ count, bytes, rate, fill }, seed) => {
          const data = fill === undefined ? seeded(seed, count * bytes) : new Uint8Array(count * bytes).fill(fill);
          const each = Array.from({ length: count }, (_, i) => data.subarray(i * bytes, (i + 1) * bytes));
          const expected = encodeElements(each.map((message) => sponge(packBytes(message), rate)));
          expect(hasher.hashBytes({ data, count, rate })).toEqual(expected);
        }),
        { numRuns: runs },
      );
      fc.assert(
        fc.property(
          fc.array(fc.array(element, { minLength: 3, maxLength: 3 })),
          fc.constantFrom(...RATES),
          (all, rate) => {
            const expected = encodeElements(all.map((message) => sponge(message, rate)));
            expect(hasher.hashElements({ data: encodeElements(all.flat()), count: all.length, rate })).toEqual(
              expected,
            );
          },
        ),
        { numRuns: runs },
      );
    });

    it('refuses batches that are not whole', () => {
      const refused = expect.objectContaining({ code: 'POSEIDON2_INPUT_INVALID' });
      expect(() => hasher.permute(new Uint8Array(95))).toThrow(refused);
      expect(() => hasher.compress(new Uint8Array(32), 0)).toThrow(refused);
      for (const key of [-1, 4, 0.5]) expect(() => hasher.compress(new Uint8Array(64), key)).toThrow(refused);
      expect(() => hasher.hashBytes({ data: new Uint8Array(3), count: 2 })).toThrow(refused);
      expect(() => hasher.hashBytes({ data: new Uint8Array(3), count: 0 })).toThrow(refused);
      expect(() => hasher.hashBytes({ data: new Uint8Array(3), count: 1.5 })).toThrow(refused);
      expect(() => hasher.hashElements({ data: new Uint8Array(62), count: 2 })).toThrow(refused);
    });

    it('does nothing with nothing', () => {
      const nothing = new Uint8Array(0);
      expect([hasher.permute(nothing), hasher.compress(nothing, 0)]).toEqual([nothing, nothing]);
      expect(hasher.hashBytes({ data: nothing, count: 0 })).toEqual(nothing);
      expect(hasher.hashElements({ data: nothing, count: 0 })).toEqual(nothing);
    });
  });
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
