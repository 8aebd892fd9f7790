import { parseArgs } from 'node:util';
import { DevnetError } from './errors.ts';
import { NODES_MAX } from './network.ts';

export interface DemoArguments {
  readonly file: string | undefined;
  readonly nodes: number;
  readonly once: boolean;
  readonly json: boolean;
  readonly keep: string | undefined;
  /** What is shown: the marketplace's story, a scenario of it, or nodes that exchange a file. */
  readonly show: 'story' | 'scenario' | 'network';
  /** Of the scenario. */
  readonly scenario: string | undefined;
  readonly hosts: number;
  readonly help: boolean;
}

/** Four slots, each with a host of its own, and one host that takes the place of a lost one. */
const HOSTS_MIN = 5;
/** Each of them proves: more do not get done in a period on one machine. */
const HOSTS_MAX = 12;

export const HELP = `Plays a whole life of a stored file on this machine: a chain, a client, a validator and hosts; storage is bought,
sold and proved, a host dies, another one rebuilds what it had, the file comes back, and everybody is paid.

  npm start [-- FILE] [options]

  FILE             the file to store (default: one of this installation)
  --hosts N        number of hosts, ${HOSTS_MIN} to ${HOSTS_MAX} (default 6)
  --scenario NAME  something else that happens on a marketplace; --scenario list names all
  --network        nodes without a marketplace: a file goes in on the first and comes out on the others
  --nodes N        number of those nodes, 2 to ${NODES_MAX} (default 3)
  --once           with --network: end after the transfers, also on a terminal
  --json           one JSON object per line on stdout, for programs
  --keep DIR       keep the nodes' data and logs in DIR (default: a temporary directory, deleted at the end)
  --help

With --network on a terminal the nodes stay up until Ctrl-C. Exit codes: 0 all went as it must, 1 something failed or
differed, 2 wrong usage, 130 interrupted.
`;

const usage = (message: string) => new DevnetError('USAGE', `${message} (see --help)`);

/** Error: `USAGE`. */
export function parseDemoArguments(args: readonly string[]): DemoArguments {
  const parse = () => {
    try {
      return parseArgs({
        args: [...args],
        allowPositionals: true,
        options: {
          network: { type: 'boolean', default: false },
          nodes: { type: 'string' },
          scenario: { type: 'string' },
          hosts: { type: 'string' },
          once: { type: 'boolean', default: false },
          json: { type: 'boolean', default: false },
          keep: { type: 'string' },
          help: { type: 'boolean', short: 'h', default: false },
        },
      });
    } catch (error) {
      throw usage((error as Error).message);
    }
  };
  const { values, positionals } = parse();
  const nodes = count('nodes', values.nodes ?? '3', 2, NODES_MAX);
  const hosts = count('hosts', values.hosts ?? '6', HOSTS_MIN, HOSTS_MAX);
  const network = values.network || values.nodes !== undefined;
  const { scenario } = values;
  if (
    (network && (scenario !== undefined || values.hosts !== undefined)) ||
    (scenario !== undefined && values.hosts !== undefined)
  ) {
    throw usage('--network (or --nodes), --scenario and --hosts exclude each other');
  }
  if (positionals.length > 1) throw usage(`One file at a time, not ${positionals.length}`);
  if (values.keep === '') throw usage('--keep takes a directory');
  const { once, json, keep, help } = values;
  const show = network ? 'network' : scenario === undefined ? 'story' : 'scenario';
  return { file: positionals[0], nodes, once, json, keep, show, scenario, hosts, help };
}

/** Error: `USAGE`. */
function count(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw usage(`--${name} takes a number from ${min} to ${max}, not ${text}`);
}
