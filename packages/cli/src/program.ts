import { Argument, Command, type OptionValues } from 'commander';
import { ApiClient } from './api-client.ts';
import { apiUrl } from './api-url.ts';
import { completionScript, SHELLS } from './completion.ts';
import type { Context } from './context.ts';
import { CONTRACTS_ACTIONS, type ContractsAction, runContracts } from './contracts.ts';
import { CliError } from './errors.ts';
import { addMarketVerbs } from './market-verbs.ts';
import { bytes, chance, rows, seconds, tokens, whole } from './option-values.ts';
import { createOutput } from './output.ts';
import { showPlan } from './plan.ts';
import * as proofs from './proofs.ts';
import { sales } from './sales.ts';
import * as verbs from './verbs.ts';

/** What the program needs of its process. */
export interface ProgramInit {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** The verbs that talk to a running node, as commander commands. */
export function createProgram(init: ProgramInit): Command {
  const program = new Command('codex')
    .description('Talks to a running Codex node. Without a verb, codex runs a node: see codex --help.')
    .exitOverride()
    .configureHelp({ sortSubcommands: false });

  const verb = (usage: string, description: string) =>
    program
      .command(usage)
      .description(description)
      .option('--api <url>', 'REST API of the node (default: CODEX_API, or http://127.0.0.1:8080)')
      .option('--api-port <port>', 'port of the REST API on this machine (default: CODEX_API_PORT, or 8080)')
      .option('--json', 'print results as JSON, one value per line')
      .option('-q, --quiet', 'no progress')
      .exitOverride();
  const context = (options: OptionValues): Context => ({
    api: new ApiClient({ base: apiUrl({ api: options.api, apiPort: options.apiPort }, init.env), signal: init.signal }),
    output: createOutput({ json: options.json === true }),
    signal: init.signal,
    quiet: options.quiet === true,
  });

  verb('upload <files...>', 'upload files (- for standard input) and print their CIDs')
    .option('--name <name>', 'file name to store with the data')
    .option('--type <type>', 'media type to store with the data (default: by the extension)')
    .action((files: string[], options) => verbs.upload(context(options), files, options));
  verb('download <cid>', 'download a dataset, going on where an earlier run broke off')
    .option('-o, --output <file>', 'file, directory, or - for standard output (default: the stored name)')
    .option('--local', 'only what the node holds itself, nothing from peers')
    .option('-f, --force', 'replace an existing file')
    .action((cid: string, options) => verbs.download(context(options), cid, options));
  verb('fetch <cid>', 'let the node fetch a dataset from its peers, in the background').action((cid: string, options) =>
    verbs.fetchDataset(context(options), cid),
  );
  verb('protect <cid>', 'let the node spread a dataset over rows of which some may be lost, and print the new CID')
    .requiredOption('--data <rows>', 'data rows: so many of all rows restore the dataset', rows)
    .requiredOption('--parity <rows>', 'parity rows: so many rows may be lost', rows)
    .action((cid: string, options) => verbs.protect(context(options), cid, options));
  verb('repair <cid>', 'let the node restore the lost rows of a protected dataset').action((cid: string, options) =>
    verbs.repair(context(options), cid),
  );
  verb(
    'slots [cid]',
    'let the node cut a protected dataset into slots, and print their roots and the new CID; without a CID the same as sales',
  ).action((cid: string | undefined, options) =>
    cid === undefined ? sales(context(options)) : proofs.slots(context(options), cid),
  );
  verb('prove <cid>', 'let the node prove that it has a slot of a dataset (a CID that slots printed)')
    .requiredOption('--slot <index>', 'which slot, from 0', whole)
    .requiredOption('--challenge <hex>', '32 bytes that say which cells are looked at')
    .requiredOption('--out <file>', 'file for the proof, or - for standard output')
    .option('--samples <count>', 'cells that are looked at (default: proof-samples of the node)', rows)
    .option('--input-only', 'write the inputs of the circuit instead of a proof')
    .option('--timeout <seconds>', 'when to give up', rows)
    .option('-f, --force', 'replace an existing file')
    .action((cid: string, options) => proofs.prove(context(options), cid, options));
  verb('verify <file>', 'check a proof against the proving key of the node; exit code 1 when it is not valid').action(
    (file: string, options) => proofs.verify(context(options), file),
  );
  program
    .command('plan')
    .description(
      'tell which codes keep a dataset with a chance of loss that you accept, and what they cost; no node is needed',
    )
    .requiredOption('--size <size>', 'of the dataset', bytes)
    .requiredOption('--duration <time>', 'how long it is kept', seconds)
    .option('--loss <chance>', 'accepted for the whole time', chance, 1e-9)
    .option('--price <tokens>', 'for a byte and second', tokens, 1n)
    .option('--mttf <time>', 'mean time until a host is gone', seconds, 365 * 86_400)
    .option('--mttr <time>', 'mean time of a repair', seconds, 86_400)
    .option('--repair-threshold <slots>', 'lost slots from which on hosts repair', rows, 1)
    .option('--period <time>', 'period of the contract', seconds, 120)
    .option('--slashes <count>', 'misses that free a slot', rows, 2)
    .option('--json', 'print results as JSON, one value per line')
    .exitOverride()
    .action((options) => showPlan(createOutput({ json: options.json === true }), options));
  addMarketVerbs(verb, context);
  verb('ls', 'list the datasets that the node holds').action((options) => verbs.list(context(options)));
  verb('rm <cids...>', 'remove datasets or blocks from the node').action((cids: string[], options) =>
    verbs.remove(context(options), cids),
  );
  verb('exists <cid>', 'tell whether the node holds a block; exit code 3 when it does not').action(
    (cid: string, options) => verbs.exists(context(options), cid),
  );
  verb('info [cid]', 'show the node, or the manifest of a dataset').action((cid: string | undefined, options) =>
    verbs.info(context(options), cid),
  );
  verb('space', 'show how much the node stores, and may store').action((options) => verbs.space(context(options)));
  verb(
    'connect <peer> [addresses...]',
    'connect the node to a peer: PEER [ADDRESS…], or one address with /p2p/PEER; without an address the DHT is asked',
  ).action((peer: string, addresses: string[], options) => verbs.connect(context(options), peer, addresses));
  verb('spr', "print the node's record: others join through it with --bootstrap-node").action((options) =>
    verbs.spr(context(options)),
  );
  verb('peers', 'list the nodes of the DHT that the node knows').action((options) => verbs.peers(context(options)));
  verb('log-level <spec>', 'change what the node logs, e.g. "info;trace:codex,blockexc"').action(
    (spec: string, options) => verbs.setLogLevel(context(options), spec),
  );
  program
    .command('contracts')
    .description('deploy the marketplace and its contracts on a chain, or print their ABIs; no node is needed')
    .addArgument(new Argument('<action>').choices(CONTRACTS_ACTIONS))
    .option('--rpc <url>', 'JSON-RPC of a node of the chain', 'http://127.0.0.1:8545')
    .option('--network <name>', 'configuration, and name of the deployments file', 'localhost')
    .option('--zkey <file>', 'proving key that hosts will use (default on local networks: that of the reference)')
    .option('--token <address>', 'ERC20 token to pay with (default: a test token is deployed)')
    .option('--key-file <file>', "private key that pays, in hex (default: the chain node's first account)")
    .option(
      '--deployments <directory>',
      'where deployments are kept: what is there is not deployed again',
      'deployments',
    )
    .option('--json', 'print results as JSON, one value per line')
    .exitOverride()
    .action((action: ContractsAction, options) =>
      runContracts(createOutput({ json: options.json === true }), action, options, init.signal),
    );
  program
    .command('completion <shell>')
    .description(`print a completion script: ${SHELLS.join(', ')}`)
    .exitOverride()
    .action((shell: string) => {
      const script = completionScript(shell, program);
      if (script === undefined)
        throw new CliError('USAGE', `There is a completion for ${SHELLS.join(', ')}`, { shell });
      process.stdout.write(script);
    });
  return program;
}
