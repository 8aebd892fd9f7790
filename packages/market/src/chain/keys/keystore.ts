import { createDecipheriv, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { keccak256 } from 'viem';
import { MarketError } from '../../errors.ts';

/** Work of scrypt that is done for a file: what clients use by default, and four times as much. */
const SCRYPT_MEMORY_BYTES_MAX = 1024 * 1024 * 1024;
const PBKDF2_ROUNDS_MAX = 10_000_000;
const KEY_BYTES = 32;

/** Decrypts the private key of a keystore, version 3; hexadecimal digits. Error: `ETHEREUM_KEY_INVALID`. */
export async function decryptKeystore(text: string, password: string, source: string): Promise<string> {
  const wrong = (message: string) => new MarketError('ETHEREUM_KEY_INVALID', `${source}: ${message}`, { source });
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw wrong('it is no JSON');
  }
  const { version, crypto: lower, Crypto: upper } = record(file);
  const { cipher, cipherparams, ciphertext, kdf, kdfparams, mac } = record(lower ?? upper);
  const iv = bytes(record(cipherparams).iv);
  const encrypted = bytes(ciphertext);
  const expected = bytes(mac);
  if (version !== 3 || cipher !== 'aes-128-ctr' || iv?.length !== 16 || !encrypted || expected?.length !== 32) {
    throw wrong('it is no keystore of version 3');
  }
  const key = await derive(kdf, record(kdfparams), password).catch(() => undefined);
  if (!key) throw wrong('its key cannot be derived');
  const found = Buffer.from(keccak256(Buffer.concat([key.subarray(16, 32), encrypted])).slice(2), 'hex');
  if (!timingSafeEqual(found, expected)) throw wrong('the password is wrong');
  const decipher = createDecipheriv('aes-128-ctr', key.subarray(0, 16), iv);
  const secret = Buffer.concat([decipher.update(encrypted), decipher.final()]);
  const digits = secret.toString('hex');
  secret.fill(0);
  key.fill(0);
  return digits;
}

async function derive(kdf: unknown, params: Record<string, unknown>, password: string): Promise<Buffer | undefined> {
  const salt = bytes(params.salt);
  if (!salt || params.dklen !== KEY_BYTES) return undefined;
  if (kdf === 'scrypt') {
    const { n, r, p } = params;
    if (!isCount(n) || !isCount(r) || !isCount(p)) return undefined;
    const memory = 128 * r * (n + p);
    if (memory > SCRYPT_MEMORY_BYTES_MAX) return undefined;
    const run = promisify<string, Buffer, number, object, Buffer>(scrypt);
    return run(password, salt, KEY_BYTES, { N: n, r, p, maxmem: memory + 1024 * 1024 });
  }
  if (kdf === 'pbkdf2' && params.prf === 'hmac-sha256' && isCount(params.c) && params.c <= PBKDF2_ROUNDS_MAX) {
    return promisify(pbkdf2)(password, salt, params.c, KEY_BYTES, 'sha256');
  }
  return undefined;
}

const record = (value: unknown) =>
  (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value > 0;

function bytes(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})*$/i.test(value)) return undefined;
  return Buffer.from(value, 'hex');
}
