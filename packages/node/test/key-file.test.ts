import { chmod, mkdir, mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadOrCreateKey, prepareDirectory } from '../src/key-file.ts';

/** A key of the reference (records of spr.json). */
const REFERENCE = {
  protobuf: '08021220f4d7acb9d1af4087b8bdd41809304e367dc10df4567d08523210ef005515e359',
  peerId: '16Uiu2HAm3R76XEqVvKXhthdcwAw8a8b5rZ1mzHRJ2fjEY6re9nkB',
};

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');
const freshDir = () => mkdtemp(join(tmpdir(), 'codex-identity-'));

describe('the key file', () => {
  it('is created once, in the reference’s form, for its owner only', async () => {
    const dir = await freshDir();
    const path = join(dir, 'key');
    const first = await loadOrCreateKey(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(hex(await readFile(path))).toBe(`08021220${hex(first.privateKey)}`);
    expect(await readdir(dir)).toEqual(['key']);
    expect((await loadOrCreateKey(path)).peerId).toBe(first.peerId);
  });

  it('that the reference wrote gives its peer id', async () => {
    const path = join(await freshDir(), 'key');
    await writeFile(path, Buffer.from(REFERENCE.protobuf, 'hex'), { mode: 0o600 });
    expect((await loadOrCreateKey(path)).peerId).toBe(REFERENCE.peerId);
  });

  it('is one when several nodes create it at once', async () => {
    const path = join(await freshDir(), 'key');
    const identities = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateKey(path)));
    expect(new Set(identities.map((identity) => identity.peerId)).size).toBe(1);
  });

  it.each([
    [0o644, 'KEY_FILE_UNSAFE'],
    [0o640, 'KEY_FILE_UNSAFE'],
    [0o700, 'KEY_FILE_UNSAFE'],
    [0o400, undefined],
  ])('of mode %o gives %s', async (mode, code) => {
    const path = join(await freshDir(), 'key');
    await loadOrCreateKey(path);
    await chmod(path, mode);
    const outcome = await loadOrCreateKey(path).then(
      () => undefined,
      (error) => error.code,
    );
    expect(outcome).toBe(code);
  });

  it.each([
    ['an Ed25519 key', `08011240${'11'.repeat(64)}`],
    ['a short file', '08021220'],
    ['a zero scalar', `08021220${'00'.repeat(32)}`],
    ['a scalar beyond the order', `08021220${'ff'.repeat(32)}`],
    ['nothing', ''],
  ])('with %s is refused and left alone', async (_, content) => {
    const path = join(await freshDir(), 'key');
    await writeFile(path, Buffer.from(content, 'hex'), { mode: 0o600 });
    await expect(loadOrCreateKey(path)).rejects.toMatchObject({ code: 'KEY_FILE_INVALID' });
    expect(hex(await readFile(path))).toBe(content);
  });

  it('that is a dangling link or a directory is refused', async () => {
    const dir = await freshDir();
    await symlink(join(dir, 'nowhere'), join(dir, 'link'));
    await expect(loadOrCreateKey(join(dir, 'link'))).rejects.toMatchObject({ code: 'KEY_FILE_INVALID' });
    await expect(loadOrCreateKey(join(dir, 'missing', 'key'))).rejects.toMatchObject({ code: 'KEY_FILE_INVALID' });
  });
});

describe('the data directory', () => {
  it('is created for its owner, and corrected when others have rights', async () => {
    const dir = join(await freshDir(), 'a', 'b');
    expect(await prepareDirectory(dir)).toEqual({ corrected: false });
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    await chmod(dir, 0o755);
    expect(await prepareDirectory(dir)).toEqual({ corrected: true });
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
  });

  it('that is a file is refused', async () => {
    const dir = await freshDir();
    await mkdir(join(dir, 'x'));
    await writeFile(join(dir, 'file'), '');
    await expect(prepareDirectory(join(dir, 'file'))).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
  });
});
