import { readFileSync } from 'node:fs';
import solc from 'solc';
import { expect, it } from 'vitest';

interface Message {
  readonly severity: string;
  readonly message: string;
  readonly sourceLocation?: { readonly file: string; readonly start: number };
}

const FILES = ['forge/Proved.sol', 'solidity/Amounts.sol'];

/**
 * The engine is enough here: without loops and state a bounded check is a whole one. The other, CHC, gives up on products of two
 * unknowns, and neither gets through the marketplace itself. No time limit: the solver would want a thread for it, and has none.
 */
it('the model checker proves what forge/Proved.sol says, for all numbers', { timeout: 60_000 }, () => {
  const sources = Object.fromEntries(
    FILES.map((file) => [file, { content: readFileSync(new URL(`../${file}`, import.meta.url), 'utf8') }]),
  );
  const modelChecker = {
    engine: 'bmc',
    contracts: { 'forge/Proved.sol': ['Proved'] },
    targets: ['assert', 'overflow', 'underflow'],
    showUnproved: true,
    showProvedSafe: true,
  };
  const input = { language: 'Solidity', sources, settings: { modelChecker, outputSelection: {} } };
  const { errors } = JSON.parse(solc.compile(JSON.stringify(input))) as { errors: Message[] };
  const about = errors.filter(({ message }) => message.startsWith('BMC: '));
  expect(about.filter(({ severity }) => severity !== 'info').map(({ message }) => message)).toEqual([]);
  const proved = about.filter(({ message }) => message.endsWith('check is safe!'));
  const asserted = proved.filter(({ message }) => message.includes('Assertion'));
  expect(asserted).toHaveLength(sources['forge/Proved.sol']!.content.split('assert(').length - 1);
  expect(proved.filter(({ sourceLocation }) => sourceLocation?.file === 'solidity/Amounts.sol')).toHaveLength(6);
});
