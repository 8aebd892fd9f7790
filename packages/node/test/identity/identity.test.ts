import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity, loadOrCreateKey, openRecord, prepareDirectory, signRecord } from '../../src/identity/index.ts';
import { decodeMultiaddr, encodeMultiaddr } from '../../src/identity/multiaddr-bytes.ts';

interface Vector {
  readonly privKeyRaw: string;
  readonly privKeyProtobuf: string;
  readonly pubKeyProtobuf: string;
  readonly peerId: string;
  readonly seqNo: number;
  readonly addrs: string[];
  readonly addrsHex: string[];
  readonly envelope: string;
  readonly spr: string;
}
const vectors: Vector[] = JSON.parse(readFileSync(join(import.meta.dirname, '../vectors/spr.json'), 'utf8')).records;

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');
const freshDir = () => mkdtemp(join(tmpdir(), 'codex-identity-'));

describe('records of the reference', () => {
  it.each(vectors)('$addrs, seq $seqNo', (vector) => {
    const identity = Identity.fromPrivateKey(Buffer.from(vector.privKeyRaw, 'hex'));
    expect(hex(identity.publicKey)).toBe(vector.pubKeyProtobuf);
    expect(identity.peerId).toBe(vector.peerId);
    expect(openRecord(vector.spr)).toEqual({ peerId: vector.peerId, seq: vector.seqNo, addresses: vector.addrs });
    expect(vector.addrs.map((address) => hex(encodeMultiaddr(address)))).toEqual(vector.addrsHex);

    // A signature has a random part; everything before it is the same, byte for byte.
    const ours = signRecord(identity, { seq: vector.seqNo, addresses: vector.addrs });
    const bytes = Buffer.from(ours.slice(4), 'base64url').toString('hex');
    const unsigned = vector.envelope.slice(
      0,
      vector.envelope.indexOf('2a46') > 0 ? vector.envelope.indexOf('2a46') : vector.envelope.indexOf('2a47'),
    );
    expect(bytes.startsWith(unsigned)).toBe(true);
    expect(openRecord(ours)).toEqual(openRecord(vector.spr));
  });
});

describe('records', () => {
  it('do not open when a single bit is changed', () => {
    const uri = signRecord(Identity.generate(), { seq: 1, addresses: ['/ip4/1.2.3.4/tcp/5'] });
    const bytes = Buffer.from(uri.slice(4), 'base64url');
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        expect(() => openRecord(`spr:${changed.toString('base64url')}`)).toThrow(
          expect.objectContaining({ code: 'RECORD_INVALID' }),
        );
      }),
    );
  });

  it('refuse any other text with a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => openRecord(`spr:${Buffer.from(bytes).toString('base64url')}`)).toThrow(
          expect.objectContaining({ code: 'RECORD_INVALID' }),
        );
      }),
    );
    expect(() => openRecord('enr:abc')).toThrow(expect.objectContaining({ code: 'RECORD_INVALID' }));
  });

  it('have low-S signatures only', () => {
    const half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
    const identity = Identity.generate();
    for (let i = 0; i < 50; i++) {
      const signature = identity.sign(Uint8Array.of(i));
      const sAt = 4 + (signature[3] ?? 0);
      expect(BigInt(`0x${hex(signature.subarray(sAt + 2))}`)).toBeLessThanOrEqual(half);
    }
  });

  it('carry addresses of both families', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.constantFrom('::1', '2001:db8::7:0:0:1', 'fe80::', '1:2:3:4:5:6:7:8')),
        fc.nat(65_535),
        (host, port) => {
          const address = `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`;
          const bytes = encodeMultiaddr(address);
          expect(bytes && decodeMultiaddr(bytes)).toBe(address);
        },
      ),
    );
  });
});

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
    const [vector] = vectors;
    await writeFile(path, Buffer.from(vector?.privKeyProtobuf ?? '', 'hex'), { mode: 0o600 });
    expect((await loadOrCreateKey(path)).peerId).toBe(vector?.peerId);
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
