import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NetworkConfig } from '@codex/contracts';
import type { AbortOptions } from '@codex/runtime';
import type { Hex } from 'viem';
import { Guardian } from '../guardian.ts';
import { Network, type NetworkEvent, type NodePlan } from '../network.ts';
import type { NetworkNode } from '../network-node.ts';
import { PROJECT_ROOT } from '../node-command.ts';
import { lowerCase } from './lower-case.ts';
import { MarketChain } from './market-chain.ts';
import { MarketWatch } from './market-watch.ts';
import { makeParties, type Party } from './parties.ts';
import { developmentProofKey } from './proof-key.ts';
import { type Pace, STORY_PACE, storyRules } from './rules.ts';
import type { Sight } from './sight.ts';

/** One cell a proof, so that all hosts together can prove on two cores; networks take five. */
const SAMPLES = 1;

export interface MarketInit extends AbortOptions {
  /** Nodes that sell space. */
  readonly hosts: number;
  /** Holds keys, data and logs, and is kept. Default: a temporary one, deleted at the end. */
  readonly directory?: string | undefined;
  /** Default: the pace of the story. */
  readonly pace?: Pace;
  /** Added to the command line of every node. */
  readonly args?: readonly string[];
  /** Added to the command line of one party. */
  readonly argsOf?: (name: string) => readonly string[];
  /** Units of the token that a party begins with, if not `TOKENS`. */
  readonly tokensOf?: (name: string) => bigint | undefined;
  /** Where parties reach the chain, by name; default: where it is. */
  readonly providersOf?: (name: string, chain: MarketChain) => readonly string[] | Promise<readonly string[]>;
  readonly onChain?: ((chain: MarketChain) => void) | undefined;
  readonly onEvent?: ((event: NetworkEvent) => void) | undefined;
  /** With the name of whoever sent the call. */
  readonly onSight?: ((sight: Sight, name: string) => void) | undefined;
}

/** A chain, a validator, a client, and hosts, each a process of its own. */
export class Market {
  readonly chain: MarketChain;
  readonly watch: MarketWatch;
  readonly network: Network;
  readonly parties: readonly Party[];
  readonly pace: Pace;
  readonly rules: NetworkConfig;
  /** What the nodes took until they had found each other, milliseconds. */
  readonly startedMs: number;
  readonly #end: () => Promise<void>;

  private constructor(
    parts: Pick<Market, 'chain' | 'watch' | 'network' | 'parties' | 'pace' | 'startedMs'>,
    end: () => Promise<void>,
  ) {
    this.chain = parts.chain;
    this.watch = parts.watch;
    this.network = parts.network;
    this.parties = parts.parties;
    this.pace = parts.pace;
    this.rules = storyRules(parts.pace);
    this.startedMs = parts.startedMs;
    this.#end = end;
  }

  /** Errors: those of chain, deployment and network. */
  static async start(init: MarketInit): Promise<Market> {
    const { hosts, signal, onSight, pace = STORY_PACE } = init;
    const directory = init.directory === undefined ? mkdtempSync(join(tmpdir(), 'codex-market-')) : init.directory;
    mkdirSync(directory, { recursive: true });
    const guardian = new Guardian();
    if (init.directory === undefined) guardian.removeWhenOrphaned(directory);
    const ends: (() => unknown)[] = [
      () => guardian.close(),
      () => {
        if (init.directory === undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
      },
    ];
    const end = async () => {
      for (const step of ends.splice(0).reverse()) await step();
    };
    try {
      const circuitDir = join(PROJECT_ROOT, '.cache');
      const key = await developmentProofKey({ samples: SAMPLES, circuitDir, signal });
      const names = ['validator', 'client', ...Array.from({ length: hosts }, (_, i) => `host-${i + 1}`)];
      const parties = await makeParties(names, join(resolve(directory), 'keys'), init.tokensOf);
      const chain = await MarketChain.start({ guardian }, { key, parties, pace, signal });
      ends.push(() => chain.stop());
      init.onChain?.(chain);
      const { marketplace, token } = chain;
      const watch = new MarketWatch({
        transport: chain.transport(),
        marketplace,
        token,
        onSight: (sight) => onSight?.(sight, nameOf(parties, sight.from)),
      });
      await watch.start();
      ends.push(() => watch.stop());
      const began = performance.now();
      const network = await Network.start({
        nodes: await Promise.all(parties.map((party) => planOf(party, chain, circuitDir, init))),
        connect: false,
        guardian,
        directory: join(directory, 'nodes'),
        args: init.args ?? [],
        signal,
        ...(init.onEvent && { onEvent: init.onEvent }),
      });
      ends.push(() => network.stop());
      return new Market({ chain, watch, network, parties, pace, startedMs: performance.now() - began }, end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  node(name: string): NetworkNode {
    return this.network.nodes.find((node) => node.name === name)!;
  }

  /** The name of whoever has an address. */
  nameOf(address: Hex): string {
    return nameOf(this.parties, address);
  }

  get hosts(): readonly NetworkNode[] {
    return this.network.nodes.filter(({ name }) => name.startsWith('host-'));
  }

  async stop(): Promise<void> {
    await this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const nameOf = (parties: readonly Party[], address: Hex) =>
  parties.find((party) => lowerCase(party.address) === lowerCase(address))?.name ?? address;

/** Everybody has an account; hosts also prove, and the validator looks whether they did. */
async function planOf(
  { name, keyFile }: Party,
  chain: MarketChain,
  circuitDir: string,
  init: MarketInit,
): Promise<NodePlan> {
  const providers = (await init.providersOf?.(name, chain)) ?? [chain.url];
  const args = [
    'persistence',
    ...providers.map((url) => `--eth-provider=${url}`),
    `--eth-private-key=${keyFile}`,
    `--marketplace-address=${chain.marketplace}`,
  ];
  if (name === 'validator') args.push('--validator');
  if (name.startsWith('host-')) {
    args.push('prover', `--circuit-dir=${circuitDir}`, '--proving-keys=development', `--proof-samples=${SAMPLES}`);
  }
  return { name, args: [...args, ...(init.argsOf?.(name) ?? [])] };
}
