import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';

/** Somebody with an account on the chain. */
export interface Party {
  readonly name: string;
  readonly address: Hex;
  /** Units of the token that it begins with. */
  readonly tokens: bigint;
  /** Holds the private key in hex; nobody but its owner can read it. */
  readonly keyFile: string;
}

/** Units of the token that a party begins with; the same as accounts of local chains get. */
export const TOKENS = 10n ** 15n;

/** New accounts, whose keys lie in `<directory>/<name>.key`. */
export async function makeParties(
  names: readonly string[],
  directory: string,
  tokensOf: (name: string) => bigint | undefined = () => undefined,
): Promise<Party[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return Promise.all(
    names.map(async (name) => {
      const key = generatePrivateKey();
      const keyFile = join(directory, `${name}.key`);
      await writeFile(keyFile, `${key}\n`, { mode: 0o600, flag: 'wx' });
      return { name, address: privateKeyToAccount(key).address, tokens: tokensOf(name) ?? TOKENS, keyFile };
    }),
  );
}
