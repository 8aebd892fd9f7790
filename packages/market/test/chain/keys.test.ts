import { createCipheriv, pbkdf2Sync, scryptSync } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { keccak256 } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAccount } from '../../src/chain/keys/private-key.ts';

/** The first key of every development chain. */
const KEY = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-keys-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

/** As clients write them, with little work. */
function keystore(kdf: 'scrypt' | 'pbkdf2', password: string): string {
  const salt = Buffer.alloc(32, 7);
  const iv = Buffer.alloc(16, 9);
  const key =
    kdf === 'scrypt'
      ? scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 })
      : pbkdf2Sync(password, salt, 1000, 32, 'sha256');
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), iv);
  const ciphertext = Buffer.concat([cipher.update(Buffer.from(KEY, 'hex')), cipher.final()]);
  const params =
    kdf === 'scrypt'
      ? { n: 1024, r: 8, p: 1, dklen: 32, salt: salt.toString('hex') }
      : { c: 1000, prf: 'hmac-sha256', dklen: 32, salt: salt.toString('hex') };
  return JSON.stringify({
    version: 3,
    id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: iv.toString('hex') },
      ciphertext: ciphertext.toString('hex'),
      kdf,
      kdfparams: params,
      mac: keccak256(Buffer.concat([key.subarray(16), ciphertext])).slice(2),
    },
  });
}

describe('a private key', () => {
  it.each([KEY, `0x${KEY}`, ` 0x${KEY.toUpperCase()}\n`])('is read from a file, form %#', async (text) => {
    expect((await loadAccount({ file: await fileOf('key', text) })).address).toBe(ADDRESS);
  });

  it('is read from the environment', async () => {
    expect((await loadAccount({ environment: 'KEY' }, { KEY: `0x${KEY}` })).address).toBe(ADDRESS);
    await expect(loadAccount({ environment: 'KEY' }, {})).rejects.toMatchObject({ code: 'ETHEREUM_KEY_INVALID' });
  });

  it.each(['scrypt', 'pbkdf2'] as const)('is decrypted from a keystore with %s', async (kdf) => {
    const path = await fileOf(`keystore-${kdf}`, keystore(kdf, 'word'));
    const passwordFile = await fileOf('password', 'word\n');
    expect((await loadAccount({ keystore: path, passwordFile })).address).toBe(ADDRESS);
    const wrong = loadAccount({ keystore: path, passwordFile: await fileOf('wrong', 'other') });
    await expect(wrong).rejects.toThrow('the password is wrong');
  });

  it('is read from the keystore that the format was published with', async () => {
    const published = {
      crypto: {
        cipher: 'aes-128-ctr',
        cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
        ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
        kdf: 'pbkdf2',
        kdfparams: {
          c: 262144,
          dklen: 32,
          prf: 'hmac-sha256',
          salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
        },
        mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
      },
      id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
      version: 3,
    };
    const path = await fileOf('published', JSON.stringify(published));
    const account = await loadAccount({ keystore: path, passwordFile: await fileOf('published-word', 'testpassword') });
    expect(account.address.toLowerCase()).toBe('0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b');
  });

  it.runIf(process.platform !== 'win32').each([0o644, 0o640, 0o604])(
    'is refused where others may read it, %o',
    async (mode) => {
      const path = await fileOf('open', KEY, mode);
      await expect(loadAccount({ file: path })).rejects.toThrow('chmod 600');
      const closed = await fileOf('closed', keystore('scrypt', 'word'));
      await expect(loadAccount({ keystore: closed, passwordFile: path })).rejects.toThrow('chmod 600');
    },
  );

  it.each(['', 'nonsense', KEY.slice(1), `${KEY}00`, '00'.repeat(32), 'ff'.repeat(32)])(
    'is refused when it is %j',
    async (text) => {
      await expect(loadAccount({ file: await fileOf('bad', text) })).rejects.toMatchObject({
        code: 'ETHEREUM_KEY_INVALID',
      });
    },
  );

  it('is refused as a folder, as nothing, and as a keystore of another kind', async () => {
    const passwordFile = await fileOf('password', 'word');
    for (const source of [
      { file: folder },
      { file: join(folder, 'nothing') },
      { keystore: await fileOf('text', 'no JSON'), passwordFile },
      { keystore: await fileOf('old', '{"version":1}'), passwordFile },
      { keystore: await fileOf('null', 'null'), passwordFile },
      { keystore: await fileOf('work', keystore('scrypt', 'word').replace('1024', String(2 ** 30))), passwordFile },
    ]) {
      await expect(loadAccount(source)).rejects.toMatchObject({ code: 'ETHEREUM_KEY_INVALID' });
    }
  });

  it('is nowhere in what can be printed', async () => {
    const account = await loadAccount({ environment: 'KEY' }, { KEY });
    const broken = await loadAccount({ environment: 'KEY' }, { KEY: `${KEY}1` }).catch((error: unknown) => error);
    for (const thing of [account, broken]) {
      expect(`${inspect(thing, { depth: 9, showHidden: true })}${JSON.stringify(thing)}`).not.toContain(
        KEY.slice(4, 40),
      );
    }
  });
});
