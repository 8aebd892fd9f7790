import {
  type AbortOptions,
  type Clock,
  isCodexError,
  type Logger,
  type MetricsRegistry,
  type Startable,
} from '@codex/runtime';
import { NodeError } from '../errors.ts';
import { DeadlineQueue } from './deadline-queue.ts';
import { KeptCircuit } from './kept-circuit.ts';
import { createProvingMetrics, type ProvingMetrics, type ProvingPhase } from './metrics.ts';
import type {
  CircuitSource,
  KeyIdentity,
  PreparedInput,
  ProvingCircuit,
  RawProof,
  SlotInputs,
  SlotQuestion,
} from './types.ts';

export interface ProvingComponents {
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly slots: SlotInputs;
  readonly circuits: CircuitSource;
}

export interface ProvingLimits {
  /** Proofs that wait for their turn; more are refused. A host of more slots than this cannot prove them in a period anyway. */
  readonly waiting: number;
  /** A key that nobody needed for so long is unloaded; longer than the periods of networks are. */
  readonly keyIdleMs: number;
}

export const PROVING_LIMITS: ProvingLimits = { waiting: 256, keyIdleMs: 10 * 60 * 1000 };

/** What a proof waits for, or which part of it is being made. */
export interface ProvingProgress {
  readonly phase: 'waiting' | ProvingPhase;
  /** Part of the phase that is done, 0 to 1, where it is known. */
  readonly fraction?: number;
}

export interface ProofOptions extends AbortOptions {
  /** Unix time in ms after which the proof is useless. The most urgent are made first. */
  readonly deadline?: number | undefined;
  readonly onProgress?: (progress: ProvingProgress) => void;
}

export interface MadeProof extends RawProof {
  readonly key: KeyIdentity;
  /** The proof as snarkjs writes it. */
  readonly json: object;
}

/** A prover uses all cores: two proofs at a time would take twice as long each, and twice the memory. */
const PROOFS_RUNNING = 1;

/** Makes storage proofs, one after the other by their deadlines. No proof leaves that does not verify. */
export class ProvingService implements Startable {
  readonly #c: ProvingComponents;
  readonly #queue: DeadlineQueue;
  readonly #circuit: KeptCircuit;
  readonly #metrics: ProvingMetrics;

  constructor(components: ProvingComponents, limits: ProvingLimits = PROVING_LIMITS) {
    this.#c = components;
    this.#queue = new DeadlineQueue(components, { running: PROOFS_RUNNING, waiting: limits.waiting });
    this.#circuit = new KeptCircuit(
      { clock: components.clock, source: components.circuits },
      { idleMs: limits.keyIdleMs },
    );
    this.#metrics = createProvingMetrics(components.metrics, () => this.#queue.waiting);
  }

  start(): void {}

  /** Ends all proofs with `PROVING_STOPPED` and unloads the key. */
  async stop(): Promise<void> {
    await this.#queue.stop();
    await this.#circuit.close();
  }

  /**
   * Proves that the slot is here. Errors: `PROOF_LATE`, `PROOF_QUEUE_FULL`, `PROOF_REJECTED`, `PROVING_STOPPED`,
   * `PROVING_FILES_MISSING`, `PROVING_MEMORY`, those of the slot's tree and cells, and the signal's reason.
   */
  async prove(question: SlotQuestion, options: ProofOptions = {}): Promise<MadeProof> {
    const { onProgress = () => {} } = options;
    try {
      onProgress({ phase: 'waiting' });
      const made = await this.#queue.run((signal) => this.#prove(question, { signal, onProgress }), options);
      this.#metrics.made.inc();
      this.#c.logger.info('Storage proof made', { slotIndex: question.slotIndex, samples: question.samples });
      return made;
    } catch (error) {
      const code = isCodexError(error) ? error.code : options.signal?.aborted ? 'CANCELLED' : 'OTHER';
      this.#metrics.failed.inc(1, { code });
      this.#c.logger.warn('No proof was made', { slotIndex: question.slotIndex, samples: question.samples, error });
      throw error;
    }
  }

  /** The inputs of a proof only, without waiting for its turn. Errors: those of the slot's tree and cells. */
  input(question: SlotQuestion, options: ProofOptions = {}): Promise<PreparedInput> {
    const phases = new Phases(this.#c.clock, this.#metrics, options.onProgress ?? (() => {}));
    return this.#input(question, phases, options.signal).finally(() => phases.end());
  }

  async #input(question: SlotQuestion, phases: Phases, signal: AbortSignal | undefined): Promise<PreparedInput> {
    phases.begin('input');
    const onBuild = () => phases.begin('tree');
    return await this.#c.slots.input(question, { signal, onBuild });
  }

  async #prove(
    question: SlotQuestion,
    { signal, onProgress }: { signal: AbortSignal; onProgress: (progress: ProvingProgress) => void },
  ): Promise<MadeProof> {
    const phases = new Phases(this.#c.clock, this.#metrics, onProgress);
    try {
      const input = await this.#input(question, phases, signal);
      const work = (circuit: ProvingCircuit) => proveInput(circuit, input, phases, signal);
      return await this.#circuit.use(question.samples, work, {
        signal,
        onLoad: () => phases.begin('key'),
        onProgress: (fraction) => phases.tell({ phase: 'key', fraction }),
      });
    } finally {
      phases.end();
    }
  }
}

async function proveInput(
  circuit: ProvingCircuit,
  input: PreparedInput,
  phases: Phases,
  signal: AbortSignal,
): Promise<MadeProof> {
  signal.throwIfAborted();
  phases.begin('witness');
  const witness = await circuit.witness(input.json, { signal });
  signal.throwIfAborted();
  phases.begin('proof');
  const onProgress = (fraction: number) => phases.tell({ phase: 'proof', fraction });
  const raw = await circuit.prove(witness, { signal, onProgress });
  signal.throwIfAborted();
  phases.begin('verification');
  // The signals are compared as well: a foreign circuit may verify and say something else.
  const isRight =
    raw.publicSignals.length === input.publicSignals.length &&
    raw.publicSignals.every((value, i) => value === input.publicSignals[i]) &&
    (await circuit.verify(raw, { signal }));
  if (!isRight) throw new NodeError('PROOF_REJECTED', 'The proof that was made does not verify', { ...circuit.key });
  return { ...raw, key: circuit.key, json: circuit.proofJson(raw.proof) };
}

/** Tells which part of a proof is being made, and measures how long it took. */
class Phases {
  readonly #clock: Clock;
  readonly #metrics: ProvingMetrics;
  /** Passes on how far the present part is. */
  readonly tell: (progress: ProvingProgress) => void;
  #current: { readonly phase: ProvingPhase; readonly since: number } | undefined;

  constructor(clock: Clock, metrics: ProvingMetrics, onProgress: (progress: ProvingProgress) => void) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.tell = onProgress;
  }

  begin(phase: ProvingPhase): void {
    this.end();
    this.#current = { phase, since: this.#clock.monotonic() };
    this.tell({ phase });
  }

  end(): void {
    if (!this.#current) return;
    const { phase, since } = this.#current;
    this.#metrics.seconds.observe((this.#clock.monotonic() - since) / 1000, { phase });
    this.#current = undefined;
  }
}
