import type { Compute } from '@codex/compute';
import { formatCid, type Manifest, type ManifestCid, type Repository } from '@codex/content';
import type { AbortOptions, Clock, Logger, MetricsRegistry, Startable } from '@codex/runtime';
import type { BuiltSlots } from '@codex/slots';
import { NodeError } from '../errors.ts';
import type { WorkOptions } from '../shared-work.ts';
import { HostedSlots, type SlotsProgress } from './hosted-slots.ts';
import { checkProof, type ProofVerdict } from './proof-check.ts';
import { formatChallenge, type ProofFile, rootText } from './proof-file.ts';
import { type MadeProof, type ProofOptions, ProvingService } from './proving-service.ts';
import type { CircuitSource, KeyIdentity, SlotQuestion } from './types.ts';

export interface StorageProofsComponents {
  readonly repository: Repository;
  readonly compute: Compute;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly circuits: CircuitSource;
}

export interface StorageProofsInit {
  /** Where slot trees are kept. */
  readonly slotDir: string;
  /** Samples of a proof when nobody says how many. */
  readonly samples: number;
}

/** A verifiable dataset and the question about one of its slots. */
export interface NamedQuestion extends Omit<SlotQuestion, 'samples'> {
  readonly cid: ManifestCid;
  readonly samples?: number | undefined;
}

/** Storage proofs as the node offers them: building slots, proving and checking (11). */
export class StorageProofs implements Startable {
  readonly #c: StorageProofsComponents;
  readonly #samples: number;
  readonly #slots: HostedSlots;
  /** For those who prove by themselves, as a host of slots does. */
  readonly service: ProvingService;

  constructor(components: StorageProofsComponents, { slotDir, samples }: StorageProofsInit) {
    this.#c = components;
    this.#samples = samples;
    this.#slots = new HostedSlots(components, { directory: slotDir });
    this.service = new ProvingService({ ...components, slots: this.#slots });
  }

  start(): void {
    this.#slots.start();
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.#slots.stop();
  }

  /** See `HostedSlots.build`. */
  build(
    dataset: { readonly cid: ManifestCid; readonly manifest: Manifest },
    options: WorkOptions<SlotsProgress>,
  ): Promise<BuiltSlots> {
    return this.#slots.build(dataset, options);
  }

  /** See `HostedSlots.buildOne`. */
  buildOne(slot: Pick<SlotQuestion, 'manifest' | 'slotIndex'>, options: AbortOptions = {}): Promise<void> {
    return this.#slots.buildOne(slot, options);
  }

  /** See `HostedSlots.forget`. */
  forget(manifest: Manifest): void {
    this.#slots.forget(manifest);
  }

  /** A proof in the form in which it is handed on. Errors: `SLOTS_MISSING`, and those of `ProvingService.prove`. */
  async prove(named: NamedQuestion, options: ProofOptions = {}): Promise<ProofFile> {
    const question = this.#question(named);
    return proofFile(named, question, await this.service.prove(question, options));
  }

  /** The inputs of a proof, in the form of 11 §5.1. Errors: `SLOTS_MISSING`, and those of the slot's tree and cells. */
  async input(named: NamedQuestion, options: ProofOptions = {}): Promise<object> {
    return (await this.service.input(this.#question(named), options)).json;
  }

  /** The key that proofs of this node are made with. Errors: those of `CircuitSource.verifier`. */
  async key(options: AbortOptions = {}): Promise<KeyIdentity> {
    return (await this.#c.circuits.verifier(this.#samples, options)).key;
  }

  /** Proves as the network asks. Errors: those of `ProvingService.prove`. */
  proveRaw(slot: Omit<SlotQuestion, 'samples'>, options: ProofOptions): Promise<MadeProof> {
    return this.service.prove({ ...slot, samples: this.#samples }, options);
  }

  /** See `checkProof`. */
  check(file: ProofFile, options: AbortOptions = {}): Promise<ProofVerdict> {
    return checkProof(this.#c, file, options);
  }

  #question({ cid, ...question }: NamedQuestion): SlotQuestion {
    if (!question.manifest.protection?.verification) {
      throw new NodeError(
        'SLOTS_MISSING',
        'The dataset has no slots: build them first, and use the CID that this gives',
        {
          cid: formatCid(cid),
        },
      );
    }
    return { ...question, samples: question.samples ?? this.#samples };
  }
}

function proofFile({ cid }: NamedQuestion, question: SlotQuestion, made: MadeProof): ProofFile {
  const { manifest, slotIndex, challenge, samples } = question;
  const { verifyRoot, slotRoots } = manifest.protection!.verification!;
  return {
    manifestCid: formatCid(cid),
    slotIndex,
    slotRoot: rootText(slotRoots[slotIndex]!),
    verifyRoot: rootText(verifyRoot),
    challenge: formatChallenge(challenge),
    samples,
    zkeyHash: made.key.sha256,
    insecureKey: made.key.insecure,
    proof: made.json,
    publicSignals: made.publicSignals.map(String),
  };
}
