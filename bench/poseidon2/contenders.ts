import { compress, encodeElements, Kernel, type KernelBuild } from '@codex/poseidon2';
import { installRivals, loadRival } from './rivals/load.ts';

/** Hashes pairs of elements of BN254 to one element each, with one permutation for each pair. */
export interface Implementation {
  readonly name: string;
  /** Pairs that one call hashes. */
  readonly batch: number;
  hash(): unknown;
}

const BATCH = 512;

export function kernel(build: KernelBuild): Implementation | undefined {
  const made = Kernel.make(build);
  if (!made) return undefined;
  const pairs = encodeElements(Array.from({ length: 2 * BATCH }, (_, i) => BigInt(i)));
  return { name: `our ${build} kernel`, batch: BATCH, hash: () => made.compress(pairs, 0) };
}

export const twin: Implementation = { name: 'our twin', batch: 1, hash: () => compress(1n, 2n, 0n) };

/** Poseidon of circomlib for (1, 2): three of the rivals compute it. */
const CIRCOM_ONE_TWO = 7853200120776062878684798364095072458815029376092732009249414926327459813530n;

type HashTwo = (inputs: bigint[]) => bigint;

function circom(name: string, hash: HashTwo): Implementation {
  if (hash([1n, 2n]) !== CIRCOM_ONE_TWO) throw new Error(`${name} computes something else`);
  return { name, batch: 1, hash: () => hash([1n, 2n]) };
}

async function circomlibjs(): Promise<Implementation> {
  interface Poseidon {
    (inputs: readonly Uint8Array[]): Uint8Array;
    readonly F: { e(value: bigint): Uint8Array; toObject(value: Uint8Array): bigint };
  }
  const module = await loadRival<{ buildPoseidon(): Promise<Poseidon> }>('circomlibjs');
  const poseidon = await module.buildPoseidon();
  const inputs = [poseidon.F.e(1n), poseidon.F.e(2n)];
  if (poseidon.F.toObject(poseidon(inputs)) !== CIRCOM_ONE_TWO) throw new Error('circomlibjs computes something else');
  return { name: 'circomlibjs (WASM)', batch: 1, hash: () => poseidon(inputs) };
}

/** What npm has for this field and two inputs; a rival that does not run is left out with a note. */
export async function rivals(note: (text: string) => void): Promise<Implementation[]> {
  installRivals();
  const found: Implementation[] = [];
  const attempt = async (make: () => Promise<Implementation>): Promise<void> => {
    try {
      found.push(await make());
    } catch (error) {
      note(`left out: ${(error as Error).message}`);
    }
  };
  await attempt(async () => {
    const { poseidon2Hash } = await loadRival<{ poseidon2Hash: HashTwo }>('@zkpassport/poseidon2');
    return { name: '@zkpassport/poseidon2 (width 4)', batch: 1, hash: () => poseidon2Hash([1n, 2n]) };
  });
  await attempt(circomlibjs);
  await attempt(async () => {
    type Module = { readonly default: { poseidon: HashTwo; initSync(): void } };
    const { default: module } = await loadRival<Module>('@railgun-community/poseidon-hash-wasm');
    module.initSync();
    return circom('@railgun-community (WASM)', module.poseidon);
  });
  await attempt(async () => {
    const module = await loadRival<{ readonly poseidon2: HashTwo }>('poseidon-lite');
    return circom('poseidon-lite', module.poseidon2);
  });
  return found;
}
