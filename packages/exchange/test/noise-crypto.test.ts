import { randomBytes } from 'node:crypto';
import { defaultCrypto } from '@libp2p/noise/crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { noiseCrypto } from '../src/network/noise-crypto.ts';

const flat = (bytes: Uint8Array | { subarray(): Uint8Array }) => Buffer.from(bytes.subarray());

it('seals and opens as the library does', () => {
  const lengths = fc.oneof(fc.nat(1300), fc.integer({ min: 1200, max: 65_503 }));
  fc.assert(
    fc.property(lengths, fc.uint8Array({ maxLength: 40 }), (length, ad) => {
      const [text, nonce, key] = [randomBytes(length), randomBytes(12), randomBytes(32)];
      const ours = flat(noiseCrypto.chaCha20Poly1305Encrypt(text, nonce, ad, key));
      expect(ours.equals(flat(defaultCrypto.chaCha20Poly1305Encrypt(text, nonce, ad, key)))).toBe(true);
      // The library may write into the buffer that it is given.
      const dst = new Uint8Array(ours.subarray(0, -16));
      expect(flat(noiseCrypto.chaCha20Poly1305Decrypt(ours, nonce, ad, key, dst)).equals(text)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('refuses a changed message', () => {
  const [nonce, key, ad] = [randomBytes(12), randomBytes(32), new Uint8Array(0)];
  for (const at of [0, 30_000, 65_000, 65_015]) {
    const sealed = Buffer.from(flat(noiseCrypto.chaCha20Poly1305Encrypt(randomBytes(65_000), nonce, ad, key)));
    sealed[at]! ^= 1;
    expect(() => noiseCrypto.chaCha20Poly1305Decrypt(sealed, nonce, ad, key)).toThrow();
  }
});
