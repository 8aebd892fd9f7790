import { parseArgs } from 'node:util';
import { DevnetError } from './errors.ts';
import { NODES_MAX } from './network.ts';

export interface DemoArguments {
  readonly file: string | undefined;
  readonly nodes: number;
  readonly once: boolean;
  readonly json: boolean;
  readonly keep: string | undefined;
  readonly market: boolean;
  readonly hosts: number;
  readonly help: boolean;
}

/** Four slots, each with a host of its own, and one host that takes the place of a lost one. */
const HOSTS_MIN = 5;
/** Each of them proves: more do not get done in a period on one machine. */
const HOSTS_MAX = 12;

export const HELP = `Starts a network of Codex nodes on this machine, stores a file on the first and fetches it on the others.

  npm start [-- FILE] [options]

  FILE          the file to store (default: the Node program that runs this)
  --nodes N     number of nodes, 2 to ${NODES_MAX} (default 3)
  --market      show the marketplace instead: storage is bought, sold and proved on a chain of its own, and a host dies
  --hosts N     with --market: number of hosts, ${HOSTS_MIN} to ${HOSTS_MAX} (default 6)
  --once        end after the transfers, also on a terminal
  --json        one JSON object per line on stdout, for programs
  --keep DIR    keep the nodes' data and logs in DIR (default: a temporary directory, deleted at the end)
  --help

On a terminal the network stays up until Ctrl-C. Exit codes: 0 all copies are identical, 1 something failed or differed,
2 wrong usage, 130 interrupted.
`;

/** Error: `USAGE`. */
export function parseDemoArguments(args: readonly string[]): DemoArguments {
  const usage = (message: string) => new DevnetError('USAGE', `${message} (see --help)`);
  const parse = () => {
    try {
      return parseArgs({
        args: [...args],
        allowPositionals: true,
        options: {
          nodes: { type: 'string', default: '3' },
          market: { type: 'boolean', default: false },
          hosts: { type: 'string', default: '6' },
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
  const nodes = Number(values.nodes);
  if (!Number.isInteger(nodes) || nodes < 2 || nodes > NODES_MAX) {
    throw usage(`--nodes takes a number from 2 to ${NODES_MAX}, not ${values.nodes}`);
  }
  const hosts = Number(values.hosts);
  if (!Number.isInteger(hosts) || hosts < HOSTS_MIN || hosts > HOSTS_MAX) {
    throw usage(`--hosts takes a number from ${HOSTS_MIN} to ${HOSTS_MAX}, not ${values.hosts}`);
  }
  if (positionals.length > 1) throw usage(`One file at a time, not ${positionals.length}`);
  if (values.keep === '') throw usage('--keep takes a directory');
  const { once, json, keep, market, help } = values;
  return { file: positionals[0], nodes, once, json, keep, market, hosts, help };
}
