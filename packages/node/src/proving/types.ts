import type { Manifest } from '@codex/content';
import type { CircuitInputs, Proof, Witness } from '@codex/groth16';
import type { AbortOptions } from '@codex/runtime';

/** Which slot of a verifiable dataset, and which cells of it. */
export interface SlotQuestion {
  readonly manifest: Manifest;
  readonly slotIndex: number;
  /** 32 bytes. */
  readonly challenge: Uint8Array;
  readonly samples: number;
}

/** What a circuit takes. */
export interface PreparedInput {
  /** The form of 11 §5.1. */
  readonly json: CircuitInputs;
  /** Entropy, root of the dataset, index of the slot (11 §5.2). */
  readonly publicSignals: readonly bigint[];
}

export interface InputOptions extends AbortOptions {
  /** Called before the tree of the slot is built, which reads all of it. */
  readonly onBuild?: () => void;
}

/** Where inputs of proofs come from. */
export interface SlotInputs {
  input(question: SlotQuestion, options: InputOptions): Promise<PreparedInput>;
}

/** Which keys a proof was made with. */
export interface KeyIdentity {
  readonly samples: number;
  /** SHA-256 of the proving key's file, hex: what contracts know a key by (11 §5.3). */
  readonly sha256: string;
  /** A development key: whoever made it could forge proofs. */
  readonly insecure: boolean;
}

export interface RawProof {
  readonly proof: Proof;
  /** Entropy, root of the dataset, index of the slot (11 §5.2). */
  readonly publicSignals: readonly bigint[];
}

/** A circuit with its proving key, loaded. One proof at a time. */
export interface ProvingCircuit {
  readonly key: KeyIdentity;
  /** Computes all signals from the inputs of 11 §5.1. */
  witness(input: CircuitInputs, options: AbortOptions): Promise<Witness>;
  /** `onProgress` is told the part that is done, 0 to 1. */
  prove(
    witness: Witness,
    options: AbortOptions & { readonly onProgress?: (fraction: number) => void },
  ): Promise<RawProof>;
  verify(proof: RawProof, options: AbortOptions): Promise<boolean>;
  /** As snarkjs writes it. */
  proofJson(proof: Proof): object;
  close(): Promise<void>;
}

/** Checks proofs of one circuit. */
export interface VerifyingCircuit {
  readonly key: KeyIdentity;
  /** Of a proof in the form of snarkjs. False for whatever is no proof. */
  verifyJson(proof: object, publicSignals: readonly bigint[], options: AbortOptions): Promise<boolean>;
}

export interface OpenCircuitOptions extends AbortOptions {
  /** Told the part that is done, 0 to 1, while a key is made. */
  readonly onProgress?: (fraction: number) => void;
}

/** Where circuits come from. */
export interface CircuitSource {
  /** Errors: `PROVING_FILES_MISSING`, `PROVING_MEMORY`, and those of the files' readers. */
  open(samples: number, options: OpenCircuitOptions): Promise<ProvingCircuit>;
  verifier(samples: number, options: AbortOptions): Promise<VerifyingCircuit>;
}
