import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { ICryptoInterface } from '@libp2p/noise';
import { defaultCrypto } from '@libp2p/noise/crypto';

const CIPHER = 'chacha20-poly1305';
const TAG_BYTES = 16;
/** Below this the library's own implementation in WASM is faster. */
const NATIVE_FROM_BYTES = 1200;

/** A key is imported once per connection and direction; importing it for each message costs some 15 µs. */
const keys = new WeakMap<Uint8Array, KeyObject>();

function keyOf(bytes: Uint8Array): KeyObject {
  let key = keys.get(bytes);
  if (!key) {
    key = createSecretKey(bytes);
    keys.set(bytes, key);
  }
  return key;
}

type Bytes = Parameters<ICryptoInterface['hashSHA256']>[0];

const pieces = (bytes: Bytes): Iterable<Uint8Array> => (bytes instanceof Uint8Array ? [bytes] : bytes);

function encrypt(plaintext: Bytes, nonce: Uint8Array, ad: Uint8Array, k: Uint8Array): Bytes {
  const cipher = createCipheriv(CIPHER, keyOf(k), nonce, { authTagLength: TAG_BYTES });
  if (ad.length > 0) cipher.setAAD(ad, { plaintextLength: plaintext.byteLength });
  const parts: Uint8Array[] = [];
  for (const piece of pieces(plaintext)) parts.push(cipher.update(piece));
  parts.push(cipher.final(), cipher.getAuthTag());
  if (plaintext instanceof Uint8Array) return Buffer.concat(parts);
  const sealed = plaintext.sublist(0, 0);
  for (const part of parts) if (part.length > 0) sealed.append(part);
  return sealed;
}

/** `flat`: the bytes before the tag in one piece, where the caller has them: one call in place of several. */
function decrypt(sealed: Bytes, nonce: Uint8Array, ad: Uint8Array, k: Uint8Array, flat?: Uint8Array): Bytes {
  const length = sealed.byteLength - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, keyOf(k), nonce, { authTagLength: TAG_BYTES });
  if (ad.length > 0) decipher.setAAD(ad, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const text = flat?.length === length ? flat : sealed.subarray(0, length);
  const plain = decipher.update(text);
  // Throws when the tag does not fit.
  decipher.final();
  return plain;
}

/** The library's cryptography with a faster path for large messages: the bulk of what we send and receive. */
export const noiseCrypto: ICryptoInterface = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt: (plaintext, nonce, ad, k) =>
    (plaintext.byteLength < NATIVE_FROM_BYTES ? defaultCrypto.chaCha20Poly1305Encrypt : encrypt)(
      plaintext,
      nonce,
      ad,
      k,
    ),
  chaCha20Poly1305Decrypt: (sealed, nonce, ad, k, flat) =>
    (sealed.byteLength < NATIVE_FROM_BYTES ? defaultCrypto.chaCha20Poly1305Decrypt : decrypt)(
      sealed,
      nonce,
      ad,
      k,
      flat,
    ),
};
