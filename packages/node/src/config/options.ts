import { homedir } from 'node:os';
import { join } from 'node:path';
import { SAMPLES_MAX } from '../proving/limits.ts';
import {
  bindAddress,
  choice,
  count,
  duration,
  ethAddress,
  ethProviders,
  exactly,
  fileOf,
  flag,
  listenAddress,
  logLevel,
  nat,
  type OptionType,
  origin,
  path,
  peerAddress,
  port,
  recordUri,
  relayAddress,
  sha256,
  size,
  text,
  threads,
} from './option-types.ts';

/** One option of the node. Its environment variable and TOML key follow from its name (06 §5). */
export interface Option<V> {
  readonly type: OptionType<unknown>;
  /** What is used when no source names the option; undefined = no value. Given as text, as a user would write it. */
  readonly default: string | undefined;
  readonly help: string;
  readonly short?: string;
  /** May be given several times; the value is then a list. */
  readonly list?: true;
  /** Left out of the short help. */
  readonly hidden?: true;
  /** Why the option is taken although it changes nothing (yet). */
  readonly unused?: string;
  /** Carries the value's type; never set. */
  readonly value?: V;
}

type Init = Omit<Option<never>, 'type' | 'default' | 'help' | 'list' | 'value'>;

function one<T>(type: OptionType<T>, fallback: string, help: string, init: Init = {}): Option<T> {
  return { type, default: fallback, help, ...init };
}

function optional<T>(type: OptionType<T>, help: string, init: Init = {}): Option<T | undefined> {
  return { type, default: undefined, help, ...init };
}

function many<T>(
  type: OptionType<T>,
  fallback: string | undefined,
  help: string,
  init: Init = {},
): Option<readonly T[]> {
  return { type, default: fallback, help, list: true, ...init };
}

/** Where the reference keeps its data by default (06 §5). */
export function defaultDataDir(platform: NodeJS.Platform = process.platform, home: string = homedir()): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Codex');
  if (platform === 'win32') return join(home, 'AppData', 'Roaming', 'Codex');
  return join(home, '.cache', 'codex');
}

const FIXED_UNUSED = 'every circuit has this number; another one is refused';

/** Numbers of the protocol that the reference takes as options (11 §1). */
const FIXED_OPTIONS = {
  'max-slot-depth': one(exactly(32), '32', 'levels of the tree of a slot', { hidden: true, unused: FIXED_UNUSED }),
  'max-dataset-depth': one(exactly(8), '8', 'levels of the tree of a dataset', { hidden: true, unused: FIXED_UNUSED }),
  'max-block-depth': one(exactly(5), '5', 'levels of the tree of a block', { hidden: true, unused: FIXED_UNUSED }),
  'max-cell-elements': one(exactly(67), '67', 'elements of a cell', { hidden: true, unused: FIXED_UNUSED }),
} as const;

const MARKET = 'with persistence';

/** What takes part in the marketplace (06 §5). The first two are subcommands of the reference, and words of the command line here, too. */
export const MARKET_OPTIONS = {
  persistence: one(flag, 'false', 'take part in the marketplace; also as the subcommand persistence'),
  prover: one(flag, 'false', 'prove slots, so that storage can be sold; also as the subcommand prover of persistence'),
  'eth-provider': many(
    ethProviders,
    'ws://localhost:8545',
    `end points of the chain, the preferred one first, ${MARKET}`,
  ),
  'eth-account': optional(ethAddress, `account whose key the end point keeps; goes before eth-private-key, ${MARKET}`),
  'eth-private-key': optional(path, `file of the account's private key, which nobody else may read, ${MARKET}`),
  'marketplace-address': optional(ethAddress, `contract of the marketplace; without it the one known for the chain`),
  'reward-recipient': optional(ethAddress, 'address that is paid for hosting; without it the account'),
  'repair-threshold': one(
    count(1, 255),
    '1',
    'lost slots of a request from which on this host takes part in their repair; never more than it tolerates',
  ),
  validator: one(flag, 'false', `report proofs that are missing, ${MARKET}`),
  'validator-max-slots': one(count(0, Number.MAX_SAFE_INTEGER), '1000', 'slots that the validator watches; 0 = all'),
  'validator-groups': optional(
    count(2, 65_535),
    'parts into which validators divide all slots; without it each watches all',
  ),
  'validator-group-index': one(count(0, 65_534), '0', 'part of this validator'),
  'simulate-proof-failures': one(
    count(0, Number.MAX_SAFE_INTEGER),
    '0',
    'of the proofs of a slot each one of so many is a wrong one, for tests only: it costs collateral and slots; 0 = none',
    { hidden: true },
  ),
  'request-cache-size': one(count(1, Number.MAX_SAFE_INTEGER), '128', 'requests that are remembered', {
    hidden: true,
    unused: 'each purchase and each slot keeps its own request',
  }),
  'max-priority-fee-per-gas': one(
    count(0, Number.MAX_SAFE_INTEGER),
    '1000000000',
    'wei for each unit of gas on top of the base fee, where the network names none',
    { hidden: true },
  ),
} as const;

/**
 * All options that the node takes: configuration, help and docs/configuration.md come from this table. Sizes are bytes
 * and durations milliseconds once parsed.
 */
export const OPTIONS = {
  'config-file': optional(path, 'TOML file of options; CODEX_CONFIG_FILE is honoured too'),
  'log-level': one(logLevel, 'info', 'what is logged; topics may have levels of their own'),
  'log-format': one(
    choice('auto', 'colors', 'nocolors', 'json', 'none'),
    'auto',
    'form of a log line; auto = colors on a terminal',
  ),
  'log-file': optional(path, 'plain text copy of the log; an existing file is replaced', { hidden: true }),
  metrics: one(flag, 'false', 'serve Prometheus metrics'),
  'metrics-address': one(bindAddress, '127.0.0.1', 'address of the metrics server'),
  'metrics-port': one(port, '8008', 'port of the metrics server; 0 = any free one'),
  'data-dir': one(path, defaultDataDir(), 'where everything is kept', { short: 'd' }),
  'listen-addrs': many(listenAddress, '/ip4/0.0.0.0/tcp/0', 'where to listen for peers', { short: 'i' }),
  nat: one(nat, 'any', 'how the announced addresses are found'),
  'disc-ip': optional(
    bindAddress,
    'address of the UDP socket of discovery (ours); without it that of listen-addrs if it is one, else all',
  ),
  'disc-port': one(port, '8090', 'UDP port of discovery; 0 = any free one', { short: 'u' }),
  'net-privkey': one(path, 'key', 'file of the private key, relative to data-dir'),
  'bootstrap-node': many(recordUri, undefined, 'record (spr:…) of a node through which to join the DHT', {
    short: 'b',
  }),
  peer: many(peerAddress, undefined, 'peer to stay connected to'),
  relay: many(relayAddress, undefined, 'relay through which others reach this node (ours); implies relay-client'),
  'relay-client': one(flag, 'false', 'dial peers behind relays, and dial back those that come through one (ours)'),
  'relay-server': one(flag, 'false', 'relay connections for others (ours)'),
  'max-peers': one(count(1, 10_000), '160', 'connections to peers at most'),
  'num-threads': one(threads, '0', 'worker threads; 0 = one per core, 16 at most'),
  'agent-string': one(text, 'Codex', 'how the node names itself to peers'),
  'api-bindaddr': one(bindAddress, '127.0.0.1', 'address of the REST API'),
  'api-port': one(port, '8080', 'port of the REST API; 0 = any free one', { short: 'p' }),
  'api-cors-origin': optional(origin, 'origin that browsers may call the REST API from'),
  'repo-kind': one(choice('fs'), 'fs', 'kind of repository', {
    unused: 'there is one kind; sqlite and leveldb are refused',
  }),
  'storage-quota': one(size, '20GiB', 'bytes that the repository may hold', { short: 'q' }),
  'block-ttl': one(duration, '30d', 'how long data is kept', { short: 't' }),
  'block-mi': one(duration, '10m', 'time between two rounds of maintenance'),
  'block-mn': one(count(1, 1_000_000), '1000', 'blocks checked in one round of maintenance'),
  'block-retries': one(count(0, 1_000_000), '3000', 'tries to get a block', {
    unused: 'a deadline does this work: see fetch-timeout',
  }),
  'fetch-timeout': one(duration, '30s', 'how long data that no peer has is looked for'),
  'cache-size': one(count(0, Number.MAX_SAFE_INTEGER), '0', 'size of the block cache', {
    short: 'c',
    unused: 'unused in the reference too; the page cache of the system does this work',
  }),
  'proof-samples': one(count(1, SAMPLES_MAX), '5', 'cells that a storage proof looks at; the network says how many'),
  'circuit-dir': optional(path, 'directory of circuits and proving keys; without it <data-dir>/circuits', {
    short: 'cd',
  }),
  'circom-wasm': optional(fileOf('.wasm'), 'witness generator of the circuit with proof-samples'),
  'circom-zkey': optional(fileOf('.zkey'), 'proving key of the circuit with proof-samples'),
  'proving-key-hash': optional(
    sha256,
    'SHA-256 that the proving key of proof-samples must have (ours); what the contracts of the network say',
  ),
  'proving-keys': one(
    choice('none', 'development'),
    'none',
    'where proving keys come from that are not there (ours); development = made here, for tests only: whoever makes a key can forge proofs',
  ),
  'proof-memory': one(size, '4GiB', 'memory that a proof may take (ours)'),
  'circom-r1cs': optional(fileOf('.r1cs'), 'constraints of the circuit', {
    hidden: true,
    unused: 'the proving key says all that is needed of them',
  }),
  ...FIXED_OPTIONS,
  ...MARKET_OPTIONS,
} as const;

export type OptionName = keyof typeof OPTIONS;

/** Options of the reference that this release cannot honour (06 §5): refused, never ignored. */
export const LATER_OPTIONS: Readonly<Record<string, string>> = {
  'circom-no-zkey': 'without a proving key no proof can be made',
};

/** Words of the command line that stand for options. */
export const SUBCOMMANDS: readonly OptionName[] = ['persistence', 'prover'];

/** `storage-quota` → `CODEX_STORAGE_QUOTA`. */
export function environmentName(option: string): string {
  return `CODEX_${option.toUpperCase().replaceAll('-', '_')}`;
}

export type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** `storage-quota` → `storageQuota`. */
export function camelCase(option: string): string {
  return option.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

type ValueOf<O> = O extends Option<infer V> ? V : never;

/** The configuration of a node: every option of the table under its camel-case name. */
export type NodeConfig = { readonly [N in OptionName as CamelCase<N>]: ValueOf<(typeof OPTIONS)[N]> };
