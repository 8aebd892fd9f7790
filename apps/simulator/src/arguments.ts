import { parseArgs } from 'node:util';
import { SCENARIOS, type Size } from './scenarios.ts';

export interface SimulateArguments {
  readonly names: readonly string[];
  readonly size: Size;
  readonly record: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** Networks that one process has room for, at 1 MB a node. */
const NODES_MAX = 20_000;
/** Fewer make no network that hides anybody. */
const NODES_MIN = 10;

export const HELP = `Runs whole networks in virtual time, from one seed, and says what came of them.

  npm run simulate -- NAME… [options]

  NAME          ${[...SCENARIOS.keys()].join(', ')}, or all
  --nodes N     nodes of the network, ${NODES_MIN} to ${NODES_MAX} (default: as the scenario says)
  --searches N  searches for providers (default: as many as nodes, 100 to 1000)
  --seed N      another course of chance (default 7)
  --json        one JSON object per line
  --record      write results, as JSON and SVG, to apps/simulator/results

Exit codes: 0 all thresholds met, 1 one was missed, 2 wrong usage.
`;

/** Throws a TypeError that says what is wrong. */
export function parseArguments(args: readonly string[]): SimulateArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      nodes: { type: 'string' },
      searches: { type: 'string' },
      seed: { type: 'string', default: '7' },
      json: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const names = positionals.includes('all') ? [...SCENARIOS.keys()] : positionals;
  for (const name of names) {
    if (!SCENARIOS.has(name)) throw new TypeError(`There is no scenario ${name}: ${[...SCENARIOS.keys()].join(', ')}`);
  }
  const size = {
    seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
    ...(values.nodes !== undefined && { nodes: whole('nodes', values.nodes, NODES_MIN, NODES_MAX) }),
    ...(values.searches !== undefined && { searches: whole('searches', values.searches, 1, 1_000_000) }),
  };
  return { names, size, record: values.record, json: values.json, help: values.help };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new TypeError(`--${name} takes a whole number from ${least} to ${most}, not ${text}`);
}
