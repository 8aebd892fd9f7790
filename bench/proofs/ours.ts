/** Our prover in a process of its own; its argument says where the files are. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createCompute } from '@codex/compute';
import {
  type CircuitInputs,
  decodeProof,
  decodePublicSignals,
  decodeVerificationKey,
  developmentSetup,
  encodeProof,
  encodePublicSignals,
  encodeVerificationKey,
  openProvingKey,
  type ProofWithSignals,
  Prover,
  readConstraints,
  type VerificationKey,
  verify,
  type Witness,
  WitnessGenerator,
  writeWitness,
} from '@codex/groth16';
import { answer, type Files, type ProofFile, VERIFICATIONS } from './answer.ts';

const files = JSON.parse(process.argv[2] ?? '') as Files;
const compute = createCompute({ threads: availableParallelism() });
let prover: Prover | undefined;
let key: VerificationKey | undefined;
let witness: Witness | undefined;
let made: ProofWithSignals | undefined;

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('A step was left out');
  return value;
}

async function check({ proof, publicSignals }: ProofWithSignals): Promise<void> {
  if (!(await verify(compute, there(key), proof, publicSignals))) throw new Error('We refuse the proof');
}

answer({
  async setup() {
    const constraints = await readConstraints(compute, files.r1cs);
    const { verification } = await developmentSetup({ compute }, { constraints, target: files.zkey });
    writeFileSync(files.verificationKey, JSON.stringify(await encodeVerificationKey(compute, verification)));
  },
  async load() {
    // All in memory, as in a node that proves again and again.
    const opened = await openProvingKey(compute, files.zkey, { memoryBytes: Number.MAX_SAFE_INTEGER });
    prover = new Prover({ compute }, { key: opened });
    key = decodeVerificationKey(JSON.parse(readFileSync(files.verificationKey, 'utf8')));
  },
  async witness() {
    const inputs = JSON.parse(readFileSync(files.input, 'utf8')) as CircuitInputs;
    witness = await new WitnessGenerator({ compute }, { path: files.wasm }).generate(inputs);
    await writeWitness(files.witness, witness);
  },
  async prove() {
    made = await there(prover).prove(there(witness));
  },
  async show(): Promise<ProofFile> {
    const { proof, publicSignals } = there(made);
    return { proof: encodeProof(proof), publicSignals: encodePublicSignals(publicSignals) };
  },
  async verify() {
    for (let i = 0; i < VERIFICATIONS; i++) await check(there(made));
  },
  check: ({ file }) =>
    check({ proof: decodeProof(file?.proof), publicSignals: decodePublicSignals(file?.publicSignals) }),
});
