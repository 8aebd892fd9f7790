import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DevnetError } from './errors.ts';
import { Guardian } from './guardian.ts';
import { NetworkNode } from './network-node.ts';
import { defaultNodeCommand, nodeEnvironment } from './node-command.ts';

/** More processes than this on one machine measure the machine, not the network. */
export const NODES_MAX = 50;

/** A node that is not like the others. */
export interface NodePlan {
  readonly name: string;
  /** Added to its command line, after those of every node. */
  readonly args?: readonly string[];
}

export interface NetworkInit {
  /** How many, default 3; or each by its name. */
  readonly nodes?: number | readonly NodePlan[];
  /** Where nodes keep their data and logs; kept afterwards. Default: a temporary one, deleted at the end. */
  readonly directory?: string;
  /** Program and first arguments of a node; default: this project's own. */
  readonly command?: readonly string[];
  /** Added to the command line of every node. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Connect every node with every other over libp2p; default true. Without it a node connects with those that it finds
   * through the DHT when it needs something.
   */
  readonly connect?: boolean;
  /** How long nodes may take to find each other; default 30 s. */
  readonly joinDeadlineMs?: number;
  readonly readyDeadlineMs?: number;
  readonly stopDeadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: NetworkEvent) => void) | undefined;
  /** Of whoever keeps other processes, too, and closes it; default: one of its own. */
  readonly guardian?: Guardian;
}

export type NetworkEvent =
  | { readonly type: 'ready'; readonly node: NetworkNode; readonly ms: number }
  /** The nodes have found each other through the DHT. */
  | { readonly type: 'joined'; readonly nodes: readonly JoinedNode[] }
  | { readonly type: 'connected'; readonly nodes: number };

export interface JoinedNode {
  readonly node: NetworkNode;
  /** Names of the nodes that it knows. */
  readonly knows: readonly string[];
}

/** Joining takes a second or two; a busy machine many times that. */
const JOIN_DEADLINE_MS = 30_000;
const JOIN_POLL_MS = 100;
/** In a small network all know all at once, or else when one of them looks around again, minutes later. */
const JOIN_GRACE_MS = 1_000;

/**
 * Nodes in processes of their own on 127.0.0.1, each with its own directory and ports that the system chose. The first
 * one starts alone; the others get its record, and nothing else, to find everybody.
 */
export class Network {
  readonly nodes: readonly NetworkNode[];
  readonly directory: string;
  readonly #temporary: boolean;
  /** Closed at the end. */
  readonly #guardian: Guardian | undefined;
  readonly #connect: boolean;
  #stopped: Promise<void> | undefined;

  private constructor(
    nodes: readonly NetworkNode[],
    init: {
      readonly directory: string;
      readonly temporary: boolean;
      readonly guardian: Guardian | undefined;
      readonly connect: boolean;
    },
  ) {
    this.nodes = nodes;
    this.directory = init.directory;
    this.#temporary = init.temporary;
    this.#guardian = init.guardian;
    this.#connect = init.connect;
  }

  /**
   * Starts the nodes, waits until each is ready, and connects them. When one fails, the others are stopped.
   * Errors: `NODE_EXITED`, `NODE_NOT_READY`, `DIRECTORY_UNUSABLE`, `USAGE`.
   */
  static async start(init: NetworkInit = {}): Promise<Network> {
    const { nodes: wanted = 3 } = init;
    const count = typeof wanted === 'number' ? wanted : wanted.length;
    if (!Number.isInteger(count) || count < 1 || count > NODES_MAX) {
      throw new DevnetError('USAGE', `A network has 1 to ${NODES_MAX} nodes, not ${count}`, { nodes: count });
    }
    const directory = makeDirectory(init.directory);
    const temporary = init.directory === undefined;
    const guardian = init.guardian ?? new Guardian();
    if (temporary) guardian.removeWhenOrphaned(directory);
    const shared = {
      command: init.command ?? defaultNodeCommand(),
      env: nodeEnvironment(init.env),
      ...(init.readyDeadlineMs === undefined ? {} : { readyDeadlineMs: init.readyDeadlineMs }),
      ...(init.stopDeadlineMs === undefined ? {} : { stopDeadlineMs: init.stopDeadlineMs }),
    };
    const nodes = Array.from({ length: count }, (_, i) => {
      const plan = typeof wanted === 'number' ? undefined : wanted[i];
      const name = plan?.name ?? `node-${i + 1}`;
      const args = [...(init.args ?? []), ...(plan?.args ?? [])];
      return new NetworkNode({ guardian }, { ...shared, args, name, directory: join(directory, name) });
    });
    const connect = init.connect !== false;
    const network = new Network(nodes, {
      directory,
      temporary,
      connect,
      guardian: init.guardian ? undefined : guardian,
    });
    const { signal, onEvent } = init;
    const start = async (node: NetworkNode, bootstrap: readonly string[]) => {
      const began = performance.now();
      await node.start(bootstrap, signal);
      onEvent?.({ type: 'ready', node, ms: performance.now() - began });
    };
    try {
      const [first, ...others] = nodes;
      if (first) await start(first, []);
      const starts = others.map((node) => start(node, bootstrapOf(first)));
      await Promise.all(starts).catch(async (error) => {
        await Promise.allSettled(starts);
        throw error;
      });
      const joined = await network.joined({ signal, deadlineMs: init.joinDeadlineMs });
      onEvent?.({ type: 'joined', nodes: joined });
      if (connect) {
        await network.connectAll(signal);
        onEvent?.({ type: 'connected', nodes: count });
      }
      return network;
    } catch (error) {
      await network.stop();
      throw error;
    }
  }

  /**
   * Resolves when every running node knows all others through the DHT, or a second later if it knows one at least; with
   * what each knows. Error: `NODE_NOT_JOINED`.
   */
  async joined(
    options: { readonly signal?: AbortSignal | undefined; readonly deadlineMs?: number | undefined } = {},
  ): Promise<JoinedNode[]> {
    const { signal, deadlineMs = JOIN_DEADLINE_MS } = options;
    const running = this.nodes.filter((node) => node.running);
    const names = new Map(running.map((node) => [node.peerId, node.name]));
    const others = running.length - 1;
    const began = performance.now();
    for (;;) {
      const knowledge = await Promise.all(
        running.map(async (node) => {
          const knows = (await node.knows(signal)).flatMap((peerId) => names.get(peerId) ?? []);
          return { node, knows: knows.sort() };
        }),
      );
      const waited = performance.now() - began;
      const enough = waited < JOIN_GRACE_MS ? others : Math.min(1, others);
      const alone = knowledge.filter(({ knows }) => knows.length < enough).map(({ node }) => node.name);
      if (alone.length === 0) return knowledge;
      if (waited > deadlineMs) {
        const message = `${alone.join(', ')} found nobody within ${deadlineMs / 1000} s`;
        throw new DevnetError('NODE_NOT_JOINED', message, { nodes: alone });
      }
      await sleep(JOIN_POLL_MS, undefined, { signal });
    }
  }

  /** Connects every running node with every other. Connecting twice is harmless. */
  async connectAll(signal?: AbortSignal): Promise<void> {
    const running = this.nodes.filter((node) => node.running);
    for (const [i, node] of running.entries()) {
      for (const other of running.slice(0, i)) await node.connectTo(other, signal);
    }
  }

  /** Ends a node without giving it a chance to save anything. */
  async kill9(node: NetworkNode): Promise<void> {
    await node.kill();
  }

  /**
   * Starts a node again, on the directory and ports that it had. It gets the record of a running one to join through,
   * unless `bootstrap` is false: then it finds those that it knew.
   */
  async restart(
    node: NetworkNode,
    options: { readonly signal?: AbortSignal | undefined; readonly bootstrap?: boolean } = {},
  ): Promise<void> {
    const { signal, bootstrap = true } = options;
    if (node.running) await node.stop();
    const through = bootstrap ? this.nodes.find((other) => other.running) : undefined;
    await node.start(bootstrapOf(through), signal);
    if (!this.#connect) return;
    for (const other of this.nodes) {
      if (other !== node && other.running) await node.connectTo(other, signal);
    }
  }

  /** Stops all nodes (those that do not stop are killed) and deletes what was temporary. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    if (this.#temporary) rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
    this.#guardian?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts a network of real node processes on this machine. */
export function startNetwork(init?: NetworkInit): Promise<Network> {
  return Network.start(init);
}

/** Empty for a node without a DHT. */
function bootstrapOf(node: NetworkNode | undefined): string[] {
  return node?.spr ? [node.spr] : [];
}

function makeDirectory(wanted: string | undefined): string {
  try {
    if (wanted === undefined) return mkdtempSync(join(tmpdir(), 'codex-devnet-'));
    mkdirSync(wanted, { recursive: true });
    return resolve(wanted);
  } catch (error) {
    const message = `The directory ${wanted ?? tmpdir()} cannot be used: ${(error as Error).message}`;
    throw new DevnetError('DIRECTORY_UNUSABLE', message, { directory: wanted }, { cause: error });
  }
}
