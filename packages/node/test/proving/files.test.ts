import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenge, parseProofFile } from '../../src/proving/index.ts';
import { findProvingFiles } from '../../src/proving/proving-files.ts';

async function makeDirectory(...names: string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'codex-circuits-'));
  for (const name of names) {
    await mkdir(join(directory, name, '..'), { recursive: true });
    await writeFile(join(directory, name), '');
  }
  return directory;
}

describe('a circuit', () => {
  it('is looked for among explicit files, then by its samples, then where the reference has it', async () => {
    const own = ['5/proof_main.wasm', '5/proof_main.zkey'];
    const plain = ['proof_main.wasm', 'proof_main.zkey'];
    const circuitDir = await makeDirectory(...own, ...plain, '50/proof_main.wasm', 'my.zkey', 'my.wasm');
    const at = (name: string) => join(circuitDir, name);
    const init = { circuitDir, samples: 5 };
    expect(await findProvingFiles(init, 5)).toEqual({ wasm: at(own[0]!), zkey: at(own[1]!) });
    const explicit = { ...init, wasm: at('my.wasm'), zkey: at('my.zkey') };
    expect(await findProvingFiles(explicit, 5)).toEqual({ wasm: at('my.wasm'), zkey: at('my.zkey') });
    // Each option stands for itself.
    expect(await findProvingFiles({ ...init, zkey: at('my.zkey') }, 5)).toEqual({
      wasm: at(own[0]!),
      zkey: at('my.zkey'),
    });
    // Half a circuit is none, and files without a number are those of the network.
    expect(await findProvingFiles(init, 50)).toBeUndefined();
    expect(await findProvingFiles(explicit, 100)).toBeUndefined();
    expect(await findProvingFiles({ ...init, samples: 10 }, 10)).toEqual({ wasm: at(plain[0]!), zkey: at(plain[1]!) });
    await expect(findProvingFiles({ ...init, wasm: at('none.wasm') }, 5)).rejects.toMatchObject({
      code: 'PROVING_FILES_MISSING',
      message: expect.stringContaining('none.wasm'),
    });
  });
});

describe('a proof file', () => {
  const file = {
    manifestCid: 'zDvZ1',
    slotIndex: 255,
    slotRoot: 'zE2P1',
    verifyRoot: 'zE4L1',
    challenge: `0x${'ab'.repeat(32)}`,
    samples: 127,
    zkeyHash: 'cd'.repeat(32),
    insecureKey: false,
    proof: { pi_a: [] },
    publicSignals: ['0', '12', '3'],
  };

  it('is read as it was written', () => {
    expect(parseProofFile({ ...file, more: 'ignored' })).toEqual(file);
  });

  it.each([
    ['manifestCid', ['', 5, 'a b', 'z'.repeat(129)]],
    ['slotIndex', [-1, 256, 0.5, '0', Number.NaN]],
    ['challenge', ['ab'.repeat(32), `0x${'AB'.repeat(32)}`, `0x${'ab'.repeat(31)}`]],
    ['samples', [0, 128, '5']],
    ['zkeyHash', ['cd', `0x${'cd'.repeat(32)}`]],
    ['insecureKey', ['true', 1]],
    ['proof', ['', null]],
    ['publicSignals', [[], ['1', '2'], ['1', '2', '3', '4'], ['1', '2', 3], ['1', '2', '-3'], ['01', '2', '3'], '123']],
  ] as const)('is refused when its %s is wrong', (key, values: readonly unknown[]) => {
    const { [key]: _, ...without } = file;
    expect(() => parseProofFile(without)).toThrow(expect.objectContaining({ code: 'PROOF_FILE_INVALID' }));
    for (const value of values) {
      const wrong = expect.objectContaining({ code: 'PROOF_FILE_INVALID', message: expect.stringContaining(key) });
      expect(() => parseProofFile({ ...file, [key]: value })).toThrow(wrong);
    }
  });

  it('fails in no other way', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(file)), fc.anything()), (changes) => {
        try {
          parseProofFile({ ...file, ...changes });
        } catch (error) {
          expect(error).toMatchObject({ code: 'PROOF_FILE_INVALID' });
        }
      }),
    );
  });

  it('has a challenge of 32 bytes', () => {
    const bytes = new Uint8Array(32).fill(0xab);
    expect(parseChallenge('ab'.repeat(32))).toEqual(bytes);
    expect(parseChallenge(`0x${'AB'.repeat(32)}`)).toEqual(bytes);
    for (const wrong of ['', 'ab', `${'ab'.repeat(32)}0`, 'xy'.repeat(32), 5, null, undefined]) {
      expect(parseChallenge(wrong)).toBeUndefined();
    }
  });
});
