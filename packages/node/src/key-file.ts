import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, lstat, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Identity } from '@codex/discovery';
import { isCodexError } from '@codex/runtime';
import { NodeError } from './errors.ts';

/** libp2p PrivateKey protobuf of a secp256k1 key: type 2, 32 bytes of data (07 §3). */
const KEY_PREFIX = Uint8Array.of(0x08, 0x02, 0x12, 0x20);
const KEY_FILE_BYTES = 36;
const OWNER_ONLY = 0o700;
const OTHERS = 0o077;
/** A node never changes its key, so a file that not even the owner may write is fine. */
const SAFE_MODES = [0o600, 0o400];

/**
 * Makes the data directory usable: creates it, or takes the rights of others away (07 §1).
 * Returns whether rights had to be corrected. Error: DATA_DIR_UNUSABLE.
 */
export async function prepareDirectory(path: string): Promise<{ readonly corrected: boolean }> {
  try {
    await mkdir(path, { recursive: true, mode: OWNER_ONLY });
    const { mode } = await stat(path);
    const corrected = (mode & OTHERS) !== 0;
    if (corrected) await chmod(path, OWNER_ONLY);
    return { corrected };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NodeError(
      'DATA_DIR_UNUSABLE',
      `The data directory ${path} cannot be used: ${reason}`,
      { path, reason },
      { cause },
    );
  }
}

/**
 * Loads the key of the node, or creates it (mode 0600) when there is none.
 * Errors: KEY_FILE_UNSAFE, KEY_FILE_INVALID.
 */
export async function loadOrCreateKey(path: string): Promise<Identity> {
  const found = await loadKey(path);
  if (found) return found;
  const identity = Identity.generate();
  try {
    await createKey(path, identity);
    return identity;
  } catch (cause) {
    // Somebody else was faster: the key that is there counts.
    const theirs = (cause as NodeJS.ErrnoException).code === 'EEXIST' ? await loadKey(path) : undefined;
    if (theirs) return theirs;
    throw new NodeError(
      'KEY_FILE_INVALID',
      `The key file ${path} cannot be created: ${(cause as Error).message}`,
      { path },
      { cause },
    );
  }
}

async function loadKey(path: string): Promise<Identity | undefined> {
  let bytes: Uint8Array;
  try {
    const { mode } = await stat(path);
    if (!SAFE_MODES.includes(mode & 0o7777)) {
      throw new NodeError(
        'KEY_FILE_UNSAFE',
        `The key file ${path} does not have safe file permissions: its mode is ${(mode & 0o7777).toString(8).padStart(4, '0')}, ` +
          'it must be 0600 or 0400 (chmod 600)',
        { path, mode: mode & 0o7777 },
      );
    }
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof NodeError) throw error;
    const broken = await lstat(path).catch(() => undefined);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !broken) return undefined;
    throw new NodeError(
      'KEY_FILE_INVALID',
      `The key file ${path} cannot be read: ${(error as Error).message}`,
      { path },
      { cause: error },
    );
  }
  if (bytes.length !== KEY_FILE_BYTES || !KEY_PREFIX.every((byte, i) => bytes[i] === byte)) {
    throw new NodeError('KEY_FILE_INVALID', `The key file ${path} holds no libp2p secp256k1 private key of 36 bytes`, {
      path,
    });
  }
  try {
    return Identity.fromPrivateKey(bytes.subarray(KEY_PREFIX.length));
  } catch (cause) {
    if (!isCodexError(cause, 'KEY_INVALID')) throw cause;
    throw new NodeError('KEY_FILE_INVALID', `The key file ${path} holds no secp256k1 scalar`, { path }, { cause });
  }
}

/** Writes a whole key or none: a file of its own is filled, put on the disk, and then linked to its name. */
async function createKey(path: string, identity: Identity): Promise<void> {
  const draft = `${path}.${randomUUID()}.new`;
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(Buffer.concat([KEY_PREFIX, identity.privateKey]));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } finally {
    await unlink(draft);
  }
  const directory = await open(dirname(path), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
