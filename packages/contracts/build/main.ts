/** Builds the contracts into `src/*.generated.ts`: `npm run build:contracts`. Prints the size of each on the chain. */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CONTRACTS, compile, readSources } from './compile.ts';

const HEAD = '// Made by build/main.ts from solidity/: do not edit.\n\n';
const source = (name: string) => fileURLToPath(new URL(`../src/${name}.generated.ts`, import.meta.url));
const variable = (contract: string) => `${contract[0]?.toLowerCase()}${contract.slice(1)}Abi`;

const contracts = compile(readSources());
let abis = HEAD;
let bytecodes = `${HEAD}/** Creation code, without constructor arguments. */\nexport const BYTECODE = {\n`;
for (const name of CONTRACTS) {
  const contract = contracts.get(name);
  if (!contract) throw new Error(`There is no contract ${name}`);
  abis += `export const ${variable(name)} = ${JSON.stringify(contract.abi)} as const;\n\n`;
  bytecodes += `${name}: '${contract.bytecode}',\n`;
  process.stdout.write(`${name}: ${contract.size} bytes\n`);
}
writeFileSync(source('abi'), abis);
writeFileSync(source('bytecode'), `${bytecodes}} as const;\n`);
execFileSync('biome', ['check', '--write', source('abi'), source('bytecode')], { stdio: 'inherit' });
