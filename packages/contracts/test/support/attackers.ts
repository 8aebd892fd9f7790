import { fileURLToPath } from 'node:url';
import { type Compiled, compile, readSources } from '../../build/compile.ts';

/** Contracts of `test/solidity`, which see those of the package. */
export function compileAttackers(): Map<string, Compiled> {
  const own = readSources(fileURLToPath(new URL('../solidity', import.meta.url)));
  const { 'TestToken.sol': token, 'Tokens.sol': tokens, 'Groth16.sol': groth16 } = readSources();
  return compile({ ...own, 'TestToken.sol': token!, 'Tokens.sol': tokens!, 'Groth16.sol': groth16! });
}
