import type { SolidityProof } from '../chain/marketplace.ts';

/** No verifier takes it. */
export const WRONG_PROOF: SolidityProof = {
  a: { x: 0n, y: 0n },
  b: { x: { real: 0n, imag: 0n }, y: { real: 0n, imag: 0n } },
  c: { x: 0n, y: 0n },
};

/** Which of a slot's proofs are wrong ones on purpose, for tests of what a network makes of a host that lies: every nth that is due (14 §7). */
export class WrongProofs {
  readonly #every: number;
  #due = 0;

  /** 0: none is. */
  constructor(every: number) {
    this.#every = every;
  }

  /** A proof is due; true when it is to be a wrong one. */
  isNext(): boolean {
    if (this.#every === 0 || ++this.#due < this.#every) return false;
    this.#due = 0;
    return true;
  }
}
