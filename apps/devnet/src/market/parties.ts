import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';

/** Somebody with an account on the chain. */
export interface Party {
  readonly name: string;
  readonly address: Hex;
  /** Holds the private key in hex; nobody but its owner can read it. */
  readonly keyFile: string;
}

/** New accounts, whose keys lie in `<directory>/<name>.key`. */
export async function makeParties(names: readonly string[], directory: string): Promise<Party[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return Promise.all(
    names.map(async (name) => {
      const key = generatePrivateKey();
      const keyFile = join(directory, `${name}.key`);
      await writeFile(keyFile, `${key}\n`, { mode: 0o600, flag: 'wx' });
      return { name, address: privateKeyToAccount(key).address, keyFile };
    }),
  );
}
