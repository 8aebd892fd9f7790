/** snarkjs in a process of its own; its argument says where the files are. */
import { readFileSync } from 'node:fs';
import { answer, type Files, type ProofFile, VERIFICATIONS } from './answer.ts';
import { loadRival } from './rivals/load.ts';

interface Snarkjs {
  readonly wtns: { calculate(input: unknown, wasm: string, wtns: string): Promise<void> };
  readonly groth16: {
    prove(zkey: string, wtns: string): Promise<ProofFile>;
    verify(key: unknown, publicSignals: unknown, proof: unknown): Promise<boolean>;
  };
}

const files = JSON.parse(process.argv[2] ?? '') as Files;
const { wtns, groth16 } = loadRival<Snarkjs>('snarkjs');
const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const witness = `${files.witness}.snarkjs`;
const key = json(files.verificationKey);
let made: ProofFile | undefined;

async function check(file: ProofFile | undefined): Promise<void> {
  if (!file) throw new Error('There is no proof');
  if (!(await groth16.verify(key, file.publicSignals, file.proof))) throw new Error('snarkjs refuses the proof');
}

answer({
  witness: () => wtns.calculate(json(files.input), files.wasm, witness),
  prove: async () => {
    made = await groth16.prove(files.zkey, files.witness);
  },
  show: async () => made,
  async verify() {
    for (let i = 0; i < VERIFICATIONS; i++) await check(made);
  },
  check: ({ file }) => check(file),
});
