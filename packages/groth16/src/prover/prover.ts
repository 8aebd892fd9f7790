import { g1, g2 } from '@codex/bn254';
import type { Compute } from '@codex/compute';
import { type AbortOptions, type Random, Semaphore, systemRandom } from '@codex/runtime';
import { Groth16Error } from '../errors.ts';
import { ELEMENT_BYTES, readElement } from '../format/elements.ts';
import type { Proof, ProvingKey, Witness } from '../format/types.ts';
import { HalfOfThreads } from './half-of-threads.ts';
import { ProvingMemory } from './memory.ts';
import { partBytesFor } from './part-reader.ts';
import { Progress, type ProveEvents } from './progress.ts';
import { quotientValues } from './quotient.ts';
import { drawRandomness, rerandomise } from './randomness.ts';
import { type SumComponents, sumG1Section, sumG2Section } from './section-sum.ts';
import { together } from './together.ts';

export interface ProverComponents {
  readonly compute: Compute;
  /** Default: the system's. A seeded one, for tests only, makes proofs that hide nothing. */
  readonly random?: Random;
}

export interface ProverInit {
  /** Stays the caller's, who closes it after the last proof. */
  readonly key: ProvingKey;
  /** Bytes of points that are summed at a time, and read at a time where the key is not in memory. Default: full jobs for all threads. */
  readonly partBytes?: number;
}

export interface ProveOptions extends AbortOptions, ProveEvents {}

export interface ProofWithSignals {
  readonly proof: Proof;
  /** The wires after the first, as the verifier takes them. */
  readonly publicSignals: readonly bigint[];
}

/**
 * Makes proofs with one key, one at a time; further calls wait. Everything that takes long runs in jobs: sums over the key's points, and
 * beside them the transforms that the last sum needs. Working memory is kept for the next proof until `releaseMemory`.
 */
export class Prover {
  readonly #compute: Compute;
  readonly #random: Random;
  readonly #key: ProvingKey;
  readonly #partBytes: number;
  readonly #turn = new Semaphore(1);
  #memory: ProvingMemory | undefined;

  constructor(components: ProverComponents, { key, partBytes }: ProverInit) {
    const { compute, random = systemRandom } = components;
    this.#compute = compute;
    this.#random = random;
    this.#key = key;
    this.#partBytes = partBytes ?? partBytesFor(compute.threads);
  }

  /**
   * A proof for the public signals in a witness. Whether the witness is right is not looked at: of a wrong one the proof does not verify.
   * Aborting takes effect when the jobs at work have ended, a second at most.
   *
   * @throws GROTH16_WITNESS_MISMATCH
   */
  async prove(witness: Witness, options: ProveOptions = {}): Promise<ProofWithSignals> {
    const { values } = witness;
    this.#check(witness);
    return await this.#turn.run(async () => {
      const proof = await this.#prove(values, options);
      const publicSignals = Array.from({ length: this.#key.publicSignals }, (_, i) =>
        readElement(values, (i + 1) * ELEMENT_BYTES),
      );
      return { proof, publicSignals };
    }, options);
  }

  /** Lets go of what is kept between proofs. */
  releaseMemory(): void {
    this.#memory = undefined;
  }

  #check({ count, values }: Witness): void {
    const expected = this.#key.wires;
    if (count !== expected || values.byteLength !== expected * ELEMENT_BYTES) {
      throw new Groth16Error(
        'GROTH16_WITNESS_MISMATCH',
        `The witness has ${count} values, the key is for ${expected}`,
        { count, expected },
      );
    }
    if (readElement(values, 0) !== 1n) {
      throw new Groth16Error('GROTH16_WITNESS_MISMATCH', 'The first value of the witness is not one', {
        count,
        expected,
      });
    }
  }

  async #prove(values: Uint8Array, options: ProveOptions): Promise<Proof> {
    const compute = this.#compute;
    const key = this.#key;
    const { alpha, beta, delta } = key.verification;
    this.#memory ??= new ProvingMemory(key, this.#partBytes);
    const memory = this.#memory;
    const progress = new Progress(key, options);
    const last: SumComponents = {
      compute,
      key,
      parts: memory.parts,
      onSummed: (section, points) => progress.summed(section, points),
    };
    const beside: SumComponents = { ...last, compute: new HalfOfThreads(compute) };
    const randomness = drawRandomness(this.#random);
    // Wires 0 to `publicSignals` have no point in c.
    const privateValues = values.subarray((1 + key.publicSignals) * ELEMENT_BYTES);

    // In this order: the threads take the dearest first, and the transforms fill the gaps between sums.
    const [turned, c, h] = await together(
      [
        async (inner) => {
          const [b, a] = await together(
            [
              (each) => progress.phase('b2', () => sumG2Section(beside, 'b2', values, each)),
              (each) => progress.phase('a', () => sumG1Section(beside, 'a', values, each)),
            ],
            inner,
          );
          const input = { a: g1.add(alpha, a), b: g2.add(beta, b), delta, randomness };
          return await progress.phase('randomness', () => compute.run(rerandomise, input, inner));
        },
        (inner) => progress.phase('c', () => sumG1Section(beside, 'c', privateValues, inner)),
        async (inner) => {
          const quotient = { key, values, memory, onStep: () => progress.stepped() };
          const scalars = await progress.phase('quotient', () => quotientValues(compute, quotient, inner));
          return await progress.phase('h', () => sumG1Section(last, 'h', scalars, inner));
        },
      ],
      options,
    );
    return { a: turned.a, b: turned.b, c: g1.sum([c, h, turned.c]) };
  }
}
