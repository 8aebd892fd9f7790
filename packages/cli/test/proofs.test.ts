import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDir, type Ran, run, startNode, type TestNode } from './command.ts';

/** Of the checkout: a circuit and its key are made once for all runs. */
const CACHE = fileURLToPath(new URL('../../../.cache', import.meta.url));

const CHALLENGE = 'ab'.repeat(32);

let node: TestNode;
let dir = '';
let cid = '';

const verb = (...args: string[]) => run([...args, '--api', node.url], { cwd: dir });
const parsed = (ran: Ran) => {
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ran.stdout);
};
const prove = (...args: string[]) => verb('prove', cid, '--challenge', CHALLENGE, '--slot', '1', ...args);
const readJson = async (file: string) => JSON.parse(await readFile(join(dir, file), 'utf8'));

beforeAll(async () => {
  dir = await freshDir();
  node = await startNode(
    join(await freshDir(), 'node'),
    `--circuit-dir=${CACHE}`,
    '--proof-samples=1',
    '--proving-keys=development',
  );
  await writeFile(join(dir, 'data.bin'), Buffer.alloc(300_000, 'codex'));
  const plain = (await verb('upload', 'data.bin')).stdout.trim();
  const made = await verb('protect', plain, '--data', '2', '--parity', '1');
  const slots = parsed(await verb('slots', made.stdout.trim(), '--json'));
  expect(slots).toMatchObject({ manifest: { verifiable: true }, slotBytes: 4 * 65_536 });
  cid = slots.cid;
  const shown = await verb('slots', made.stdout.trim());
  expect(shown.stdout).toBe(
    [
      `cid          ${cid}`,
      `verify root  ${slots.verifyRoot}`,
      'slot size    256 KiB (262144 bytes)',
      ...slots.slotRoots.map((root: string, i: number) => `slot ${i}       ${root}`),
      '',
    ].join('\n'),
  );
  // The key is made with the first proof.
  expect(await prove('--out', 'slot1.proof')).toMatchObject({ code: 0, stdout: 'slot1.proof\n', stderr: '' });
}, 180_000);

afterAll(() => node?.stop());

describe('a proof in a file', () => {
  it('is valid, and it is said what that is worth', async () => {
    const ran = await verb('verify', 'slot1.proof');
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^valid\nmade with a development key/) });
    expect(parsed(await verb('verify', 'slot1.proof', '--json'))).toMatchObject({ valid: true, insecureKey: true });
  });

  it('that was changed is not, and the exit code tells', async () => {
    const proof = await readJson('slot1.proof');
    await writeFile(join(dir, 'forged.proof'), JSON.stringify({ ...proof, challenge: `0x${'cd'.repeat(32)}` }));
    const stderr = expect.stringMatching(/forged.proof: The public signals .* \[PROOF_REJECTED\]/);
    expect(await verb('verify', 'forged.proof')).toMatchObject({ code: 1, stdout: 'not valid\n', stderr });
    const json = await verb('verify', 'forged.proof', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ file: 'forged.proof', valid: false });
    for (const [file, text, code] of [
      ['empty', '', 'REQUEST_REFUSED'],
      ['text', 'not a proof', 'REQUEST_REFUSED'],
      ['other', '{}', 'REQUEST_REFUSED'],
      ['long', ' '.repeat(20_000), 'FILE_UNREADABLE'],
    ] as const) {
      await writeFile(join(dir, file), text);
      const failed = { code: 1, stdout: '', stderr: expect.stringContaining(`[${code}]`) };
      expect(await verb('verify', file), file).toMatchObject(failed);
    }
    expect(await verb('verify', 'nowhere')).toMatchObject({ code: 1, stderr: expect.stringContaining('FILE_UNREAD') });
  });

  it('replaces another only when told to, and goes to standard output as well', async () => {
    expect(await prove('--out', 'slot1.proof')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('FILE_EXISTS'),
    });
    const before = await readJson('slot1.proof');
    const made = parsed(await prove('--out', 'slot1.proof', '--force', '--json'));
    const { file, ...proof } = made;
    expect(file).toBe('slot1.proof');
    expect(await readJson('slot1.proof')).toEqual(proof);
    // Every proof is made random anew.
    expect(proof.proof).not.toEqual(before.proof);
    expect(proof.publicSignals).toEqual(before.publicSignals);
    const piped = await prove('--out', '-');
    expect(JSON.parse(piped.stdout)).toMatchObject({ slotIndex: 1, samples: 1 });
  });

  it('may be left out: the inputs of the circuit', async () => {
    expect(await prove('--input-only', '--out', 'input.json')).toMatchObject({ code: 0, stdout: 'input.json\n' });
    const input = await readJson('input.json');
    expect(input).toMatchObject({ slotIndex: 1, nSlotsPerDataSet: 3 });
    expect(input.cellData).toHaveLength(1);
    expect(input.cellData[0]).toHaveLength(67);
  });

  it('is not asked for with a command line that makes no sense', async () => {
    for (const [args, code, text] of [
      [['prove', cid, '--slot', '1', '--out', 'x'], 2, /--challenge/],
      [['prove', cid, '--slot', 'one', '--challenge', CHALLENGE, '--out', 'x'], 2, /whole number/],
      [['prove', cid, '--slot', '1', '--challenge', 'xyz', '--out', 'x'], 1, /32 bytes as hex/],
      [['prove', cid, '--slot', '9', '--challenge', CHALLENGE, '--out', 'x'], 1, /There is no slot 9/],
      [['slots', cid.replace(/.$/, '1')], 3, /\[NOT_FOUND\]/],
    ] as const) {
      expect(await verb(...args)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(text) });
    }
  });
});
