import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortOptions } from '@codex/runtime';
import { hashFile } from '../format/hash.ts';
import { readConstraints } from '../format/r1cs.ts';
import { encodeVerificationKey } from '../json/encode.ts';
import { BuildLock, type LockTimes } from './build-lock.ts';
import { developmentSetup, type SetupComponents } from './development-setup.ts';

/** Raised when the same circuit would get another kind of key. */
const VERSION = 1;

const ZKEY = 'proof_main.insecure.zkey';
const VERIFICATION_KEY = 'verification_key.insecure.json';

/** Says what the other files are, and is written last. */
const DESCRIPTION = 'key.json';

export interface DevelopmentKeyInput extends AbortOptions {
  readonly circuit: {
    /** The path of the constraints. */
    readonly r1cs: string;
    /** Names the circuit; it may stand in a file name. */
    readonly digest: string;
  };
  /** The directory of all keys that were made. Several processes may use one at once; what is in it is whole. */
  readonly cache: string;
  /** How much is done, from 0 to 1; while another process makes the key, nothing is called. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
  /** Shorter in tests. */
  readonly lockTimes?: LockTimes;
}

/** Paths of a key that serves for development only. */
export interface DevelopmentKey {
  /** Who made it may have kept its secrets, and can then prove anything. */
  readonly insecure: true;
  readonly zkey: string;
  /** As snarkjs writes it. */
  readonly verificationKey: string;
  /** Of the zkey file: by this it is known on the chain (11 §5.3). */
  readonly sha256: string;
}

/**
 * The development key of a circuit, from the cache or made into it: some seconds for 5 samples, minutes for 100. Of several processes
 * one makes it, and the others wait.
 *
 * @throws GROTH16_FILE_INVALID, GROTH16_FILE_UNREADABLE, GROTH16_CIRCUIT_TOO_LARGE
 */
export async function developmentKey(
  components: SetupComponents,
  { circuit, cache, lockTimes, onProgress, signal }: DevelopmentKeyInput,
): Promise<DevelopmentKey> {
  await mkdir(cache, { recursive: true });
  const directory = join(cache, `insecure-${VERSION}-${circuit.digest}`);
  const workplaces = `building-${circuit.digest}-`;
  const isMade = async () => (await existingKey(directory)) !== undefined;
  for (;;) {
    const lock = await BuildLock.take(`${directory}.lock`, isMade, { signal, times: lockTimes });
    try {
      const key = await existingKey(directory);
      if (key) return key;
      if (!lock) continue;
      // What processes left that were killed, and what is no whole key.
      const left = (await readdir(cache)).filter((name) => name.startsWith(workplaces));
      for (const path of [...left.map((name) => join(cache, name)), directory]) {
        await rm(path, { recursive: true, force: true });
      }
      const workplace = join(cache, workplaces + lock.token);
      await mkdir(workplace);
      try {
        await makeKey(components, circuit.r1cs, workplace, { signal, onProgress });
        await rename(workplace, directory);
      } finally {
        await rm(workplace, { recursive: true, force: true });
      }
    } catch (error) {
      signal?.throwIfAborted();
      // Not held any more: another process took this one for dead, and away what it made.
      if (!lock || (await lock.isHeld())) throw error;
    } finally {
      await lock?.release();
    }
  }
}

/** The key in a directory, if it is whole. */
async function existingKey(directory: string): Promise<DevelopmentKey | undefined> {
  const zkey = join(directory, ZKEY);
  const verificationKey = join(directory, VERIFICATION_KEY);
  try {
    const description: unknown = JSON.parse(await readFile(join(directory, DESCRIPTION), 'utf8'));
    if (!isDescription(description) || (await stat(zkey)).size !== description.bytes) return undefined;
    return { insecure: true, zkey, verificationKey, sha256: description.sha256 };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

interface Description {
  readonly insecure: true;
  readonly sha256: string;
  readonly bytes: number;
}

function isDescription(value: unknown): value is Description {
  if (typeof value !== 'object' || value === null) return false;
  const { sha256, bytes } = value as Partial<Description>;
  return typeof sha256 === 'string' && typeof bytes === 'number';
}

async function makeKey(
  components: SetupComponents,
  r1cs: string,
  directory: string,
  options: Pick<DevelopmentKeyInput, 'signal' | 'onProgress'>,
): Promise<void> {
  const { compute } = components;
  const target = join(directory, ZKEY);
  const constraints = await readConstraints(compute, r1cs, options);
  const { verification } = await developmentSetup(components, { constraints, target, ...options });
  const sha256 = await hashFile(compute, target, options);
  const { size: bytes } = await stat(target);
  await writeJson(join(directory, VERIFICATION_KEY), await encodeVerificationKey(compute, verification, options));
  const description: Description = { insecure: true, sha256, bytes };
  await writeJson(join(directory, DESCRIPTION), description);
}

async function writeJson(path: string, value: object): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(`${JSON.stringify(value, undefined, 1)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}
