import { readFile, stat } from 'node:fs/promises';
import { type LocalAccount, privateKeyToAccount } from 'viem/accounts';
import { MarketError } from '../../errors.ts';
import type { Hex } from '../marketplace.ts';
import { decryptKeystore } from './keystore.ts';

/** Where the account's key comes from. */
export type KeySource =
  /** A file with the key in hexadecimal digits, that nobody but its owner can read. */
  | { readonly file: string }
  /** The name of a variable of the environment. */
  | { readonly environment: string }
  /** An encrypted key (keystore version 3), and the file that holds its password. */
  | { readonly keystore: string; readonly passwordFile: string }
  /** An account whose key the node or an external signer keeps. */
  | { readonly account: Hex };

/** Longer files are no keys. */
const FILE_BYTES_MAX = 65_536;
/** Rights of the group and of everybody. */
const OTHERS = 0o077;

/**
 * The account of a key. Neither the key nor what it was read from is in the error, or can be read from the account. Error:
 * `ETHEREUM_KEY_INVALID`.
 */
export async function loadAccount(
  source: Exclude<KeySource, { account: Hex }>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<LocalAccount> {
  if ('file' in source) return accountOf(await readSecret(source.file), source.file);
  if ('environment' in source) {
    const text = environment[source.environment];
    if (text === undefined) throw invalid(`There is no variable ${source.environment}`, source.environment);
    return accountOf(text, source.environment);
  }
  const password = (await readSecret(source.passwordFile)).replace(/\r?\n$/, '');
  return accountOf(
    await decryptKeystore(await readSecret(source.keystore), password, source.keystore),
    source.keystore,
  );
}

function accountOf(text: string, source: string): LocalAccount {
  const digits = text.replace(/\s+/g, '').replace(/^0x/i, '');
  if (!/^[0-9a-f]{64}$/i.test(digits)) throw invalid(`${source} does not hold a key of 64 hexadecimal digits`, source);
  try {
    return privateKeyToAccount(`0x${digits}`);
  } catch {
    // What it says may hold the number.
    throw invalid(`${source} does not hold a key of the curve`, source);
  }
}

async function readSecret(path: string): Promise<string> {
  let info: Awaited<ReturnType<typeof stat>>;
  try {
    info = await stat(path);
  } catch (error) {
    throw invalid(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`, path);
  }
  if (!info.isFile() || info.size > FILE_BYTES_MAX) throw invalid(`${path} is no file of a key`, path);
  // Windows has no such rights: there the file is as safe as its folder.
  if (process.platform !== 'win32' && (info.mode & OTHERS) !== 0) {
    throw invalid(`${path} can be read by others: run chmod 600 ${path}`, path);
  }
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw invalid(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`, path);
  }
}

function invalid(message: string, source: string): MarketError {
  return new MarketError('ETHEREUM_KEY_INVALID', message, { source });
}
