import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Compute } from '@codex/compute';
import type { KeyOfProofs, ProvingKeyFile, VerificationKey } from '@codex/groth16';
import { type AbortOptions, isCodexError, type Logger, Semaphore } from '@codex/runtime';
import { NodeError } from '../errors.ts';
import { findProvingFiles, missingFiles, type ProvingFiles, type ProvingFilesInit } from './proving-files.ts';
import type { CircuitSource, OpenCircuitOptions, ProvingCircuit, VerifyingCircuit } from './types.ts';

export interface Groth16CircuitsComponents {
  /** For what takes milliseconds. */
  readonly compute: Compute;
  /** For witnesses, proofs and set-ups: jobs of up to a second, behind which nothing else should wait. */
  readonly provers: Compute;
  readonly logger: Logger;
}

export interface Groth16CircuitsInit extends ProvingFilesInit {
  /** Whether circuits and keys that are not there are made here. Such keys are good for tests only. */
  readonly keys: 'none' | 'development';
  /** SHA-256 that the key of `samples` must have, hex. */
  readonly keyHash?: string | undefined;
  /** For a key and a proof together. */
  readonly memoryBytes: number;
}

/** Files of a circuit whose key has been hashed. */
interface KnownFiles extends ProvingFiles {
  readonly sha256: string;
  /** The key file as it was hashed. */
  readonly version: string;
}

interface Checker {
  readonly verificationKey: VerificationKey;
  readonly insecure: boolean;
}

/** Points in G1 and G2, as keys hold them. */
const G1_BYTES = 64;
const G2_BYTES = 128;

/** Of the memory for proofs, what a key may keep before it is known what else a proof needs. */
const KEPT_SHARE = 0.5;

/** Circuits with Groth16 keys: from files, or for development made here. Libraries are loaded when they are first needed. */
export class Groth16Circuits implements CircuitSource {
  readonly #c: Groth16CircuitsComponents;
  readonly #init: Groth16CircuitsInit;
  readonly #known = new Map<number, KnownFiles>();
  readonly #checkers = new Map<string, Promise<Checker>>();
  /** Compilers and set-ups take cores and memory, and anybody may ask for any number of samples. */
  readonly #makes = new Semaphore(1);
  #loading: Promise<typeof import('@codex/groth16')> | undefined;

  constructor(components: Groth16CircuitsComponents, init: Groth16CircuitsInit) {
    this.#c = components;
    this.#init = init;
  }

  async open(samples: number, options: OpenCircuitOptions): Promise<ProvingCircuit> {
    const { compute, provers } = this.#c;
    const { encodeProof, Prover, verify, WitnessGenerator } = await this.#load();
    const { sha256, wasm, zkey } = await this.#find(samples, options);
    const key = await this.#openKey(zkey, options);
    const insecure = await this.#isInsecure(key);
    if (insecure) this.#c.logger.warn('Proving key is for tests only', { path: zkey, samples });
    const generator = new WitnessGenerator({ compute: provers }, { path: wasm });
    const prover = new Prover({ compute: provers }, { key });
    return {
      key: { samples, sha256, insecure },
      witness: (input, { signal }) => generator.generate(input, { signal }),
      prove: (witness, proving) => prover.prove(witness, proving),
      verify: ({ proof, publicSignals }, { signal }) =>
        verify(compute, key.verification, proof, publicSignals, { signal }),
      proofJson: encodeProof,
      async close() {
        prover.releaseMemory();
        await key.close();
      },
    };
  }

  async verifier(samples: number, options: AbortOptions): Promise<VerifyingCircuit> {
    const { compute } = this.#c;
    const { decodeProof, verify } = await this.#load();
    const { sha256, zkey } = await this.#find(samples, options);
    const { insecure, verificationKey } = await this.#checker(sha256, zkey);
    return {
      key: { samples, sha256, insecure },
      async verifyJson(json, publicSignals, { signal }) {
        let proof: ReturnType<typeof decodeProof>;
        try {
          proof = decodeProof(json);
        } catch (error) {
          if (isCodexError(error, 'GROTH16_JSON_INVALID')) return false;
          throw error;
        }
        return await verify(compute, verificationKey, proof, publicSignals, { signal });
      },
    };
  }

  /** Finds the files of a circuit, or makes them, and sees which key it is. */
  async #find(samples: number, options: OpenCircuitOptions): Promise<KnownFiles> {
    const found = await findProvingFiles(this.#init, samples);
    const files = found ?? (await this.#make(samples, options));
    const { mtimeMs, size } = await stat(files.zkey);
    const version = `${mtimeMs}/${size}`;
    const known = this.#known.get(samples);
    if (known && known.zkey === files.zkey && known.wasm === files.wasm && known.version === version) return known;

    const sha256 = await this.#hash(files.zkey, samples, options);
    this.#c.logger.info('Proving key found', { path: files.zkey, sha256, samples });
    const now: KnownFiles = { ...files, version, sha256 };
    this.#known.set(samples, now);
    return now;
  }

  /** Error: `GROTH16_KEY_HASH_MISMATCH` when another key is meant. */
  async #hash(path: string, samples: number, options: AbortOptions): Promise<string> {
    const { expectKeyHash, hashFile } = await this.#load();
    const { keyHash } = this.#init;
    if (keyHash === undefined || samples !== this.#init.samples) {
      return await hashFile(this.#c.provers, path, options);
    }
    await expectKeyHash(this.#c.provers, path, keyHash, options);
    return keyHash;
  }

  /** Circuit and key for development, from a cache that many nodes may share. */
  async #make(samples: number, options: OpenCircuitOptions): Promise<ProvingFiles> {
    const { circuitDir, keys } = this.#init;
    if (keys !== 'development') throw missingFiles(samples, circuitDir);
    const cache = join(circuitDir, 'development');
    const circuits = await import('@codex/circuits');
    const { developmentKey } = await this.#load();
    const parameters = { ...circuits.NETWORK_PARAMETERS, nSamples: samples };
    const { signal } = options;
    return await this.#makes.run(async () => {
      const circuit = await circuits.buildCircuit(parameters, { cache, signal });
      const { zkey } = await developmentKey({ compute: this.#c.provers }, { circuit, cache, ...options });
      return { wasm: circuit.wasm, zkey };
    }, options);
  }

  /** Keeps as much of the key in memory as a proof leaves room for. Error: `PROVING_MEMORY`. */
  async #openKey(path: string, { signal }: AbortOptions): Promise<ProvingKeyFile> {
    const compute = this.#c.provers;
    const { openProvingKey, provingMemoryBytes } = await this.#load();
    const limitBytes = this.#init.memoryBytes;
    const key = await openProvingKey(compute, path, { memoryBytes: limitBytes * KEPT_SHARE, signal });
    const neededBytes = provingMemoryBytes(key, compute.threads) + matrixBytes(key);
    if (neededBytes + keptBytes(key) <= limitBytes) return key;
    await key.close();
    if (neededBytes > limitBytes) {
      throw new NodeError(
        'PROVING_MEMORY',
        `A proof takes ${inMib(neededBytes)}, of ${inMib(limitBytes)} that it may`,
        {
          neededBytes,
          limitBytes,
        },
      );
    }
    return await openProvingKey(compute, path, { memoryBytes: limitBytes - neededBytes, signal });
  }

  /** Read once: who waits for it may go, others wait as well. */
  async #checker(sha256: string, path: string): Promise<Checker> {
    const known = this.#checkers.get(sha256);
    if (known) return await known;
    const { readKeyOfProofs } = await this.#load();
    const read = async () => {
      const key = await readKeyOfProofs(this.#c.compute, path);
      return { verificationKey: key.verification, insecure: await this.#isInsecure(key) };
    };
    const reading = read();
    this.#checkers.set(sha256, reading);
    reading.catch(() => this.#checkers.delete(sha256));
    return await reading;
  }

  async #isInsecure({ contributions }: KeyOfProofs): Promise<boolean> {
    const { INSECURE_MARK } = await this.#load();
    return Buffer.from(contributions).includes(INSECURE_MARK);
  }

  #load(): Promise<typeof import('@codex/groth16')> {
    this.#loading ??= import('@codex/groth16');
    return this.#loading;
  }
}

function matrixBytes({ a, b, table }: ProvingKeyFile): number {
  const arrays = [a, b].flatMap(({ starts, columns, coefficients }) => [starts, columns, coefficients]);
  return arrays.reduce((sum, { byteLength }) => sum + byteLength, table.byteLength);
}

function keptBytes(key: ProvingKeyFile): number {
  const bytes = [...key.kept].map((section) => key.pointsIn(section) * (section === 'b2' ? G2_BYTES : G1_BYTES));
  return bytes.reduce((sum, of) => sum + of, 0);
}

const inMib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
