import { describe, expect, it } from 'vitest';
import { CONTRACTS, compile, readSources } from '../build/compile.ts';
import * as bindings from '../src/index.ts';

/** EIP-170: a chain refuses longer code. */
const CODE_BYTES_MAX = 24_576;

describe('the build', () => {
  it('makes of the sources what is committed, small enough for every chain', { timeout: 120_000 }, () => {
    const contracts = compile(readSources());
    const abis = bindings as unknown as Record<string, unknown>;
    for (const name of CONTRACTS) {
      const contract = contracts.get(name);
      expect(contract?.size, name).toBeLessThan(CODE_BYTES_MAX);
      expect(bindings.BYTECODE[name] === contract?.bytecode, `${name}: run npm run build:contracts`).toBe(true);
      expect(abis[`${name[0]?.toLowerCase()}${name.slice(1)}Abi`]).toEqual(contract?.abi);
    }
  });
});
