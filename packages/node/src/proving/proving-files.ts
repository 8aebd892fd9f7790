import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeError } from '../errors.ts';

export interface ProvingFilesInit {
  /** Where circuits are looked for: `<samples>/proof_main.{wasm,zkey}`; of `samples` also without a folder. */
  readonly circuitDir: string;
  /** Of the network: those of the explicit files. */
  readonly samples: number;
  /** Explicit files come first. */
  readonly wasm?: string | undefined;
  readonly zkey?: string | undefined;
}

/** What proofs of one circuit are made with. */
export interface ProvingFiles {
  /** The witness generator. */
  readonly wasm: string;
  /** The proving key. */
  readonly zkey: string;
}

/** The names that circuit files have everywhere (11 §5.3). */
const FILE_NAME = 'proof_main';

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Looks for a circuit in the order of 11 §5.3. Error: `PROVING_FILES_MISSING` when an explicit file is not there. */
export async function findProvingFiles(init: ProvingFilesInit, samples: number): Promise<ProvingFiles | undefined> {
  const { circuitDir } = init;
  const isDefault = samples === init.samples;
  const explicit = isDefault ? { wasm: init.wasm, zkey: init.zkey } : {};
  for (const path of [explicit.wasm, explicit.zkey]) {
    if (path !== undefined && !(await exists(path))) {
      throw new NodeError('PROVING_FILES_MISSING', `There is no ${path}`, { samples, path });
    }
  }
  for (const directory of [join(circuitDir, String(samples)), ...(isDefault ? [circuitDir] : [])]) {
    const wasm = explicit.wasm ?? join(directory, `${FILE_NAME}.wasm`);
    const zkey = explicit.zkey ?? join(directory, `${FILE_NAME}.zkey`);
    if ((await exists(wasm)) && (await exists(zkey))) return { wasm, zkey };
  }
  return undefined;
}

/** What to do when there is no circuit: nothing is wrong with the request. */
export function missingFiles(samples: number, circuitDir: string): NodeError {
  // The first words are the reference's, which scripts wait for (06 §5).
  const what = 'Proving circuit files are not found';
  const todo = `Put ${FILE_NAME}.wasm and ${FILE_NAME}.zkey for ${samples} samples into ${join(circuitDir, String(samples))}, or name them with --circom-wasm and --circom-zkey; for tests, --proving-keys=development makes some`;
  return new NodeError('PROVING_FILES_MISSING', `${what}. ${todo}`, { samples });
}
