import { endWithParent, tell } from '../src/rival-process.ts';

/** Where everything of one circuit is. */
export interface Files {
  readonly r1cs: string;
  /** The witness generator. */
  readonly wasm: string;
  /** Its input, JSON. */
  readonly input: string;
  readonly witness: string;
  readonly zkey: string;
  readonly verificationKey: string;
}

/** A proof as snarkjs writes it. */
export interface ProofFile {
  readonly proof: unknown;
  readonly publicSignals: unknown;
}

/** One takes milliseconds: so many are measured together. */
export const VERIFICATIONS = 20;

/** `show` gives the last proof out, `check` takes another's. */
export type Step = 'setup' | 'load' | 'witness' | 'prove' | 'show' | 'verify' | 'check';

export interface Question {
  readonly step: Step;
  /** Another's proof, for `check`. */
  readonly file?: ProofFile;
}

export interface Answer {
  readonly ms: number;
  /** Of all threads. */
  readonly processorMs: number;
  readonly result?: unknown;
  /** What went wrong. */
  readonly error?: string;
}

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** For the side of a contender: does what it is asked for, one after the other, and says how long it took. */
export function answer(steps: Partial<Record<Step, (question: Question) => Promise<unknown>>>): void {
  endWithParent();
  process.on('message', async (question: Question) => {
    const processor = processorMs();
    const began = performance.now();
    const figures = () => ({ ms: performance.now() - began, processorMs: processorMs() - processor });
    try {
      const result = await steps[question.step]?.(question);
      tell({ ...figures(), result });
    } catch (error) {
      tell({ ...figures(), error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  tell({ ms: 0, processorMs: 0 });
}
