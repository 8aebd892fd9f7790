import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DevnetError } from './errors.ts';
import { Guardian } from './guardian.ts';
import { NetworkNode } from './network-node.ts';
import { defaultNodeCommand, nodeEnvironment } from './node-command.ts';

/** More processes than this on one machine measure the machine, not the network. */
export const NODES_MAX = 50;

export interface NetworkInit {
  /** Default 3. */
  readonly nodes?: number;
  /** Where nodes keep their data and logs; kept afterwards. Default: a temporary one, deleted at the end. */
  readonly directory?: string;
  /** Program and first arguments of a node; default: this project's own. */
  readonly command?: readonly string[];
  /** Added to the command line of every node. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Connect every node with every other; default true. */
  readonly connect?: boolean;
  readonly readyDeadlineMs?: number;
  readonly stopDeadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: NetworkEvent) => void) | undefined;
}

export type NetworkEvent =
  | { readonly type: 'ready'; readonly node: NetworkNode; readonly ms: number }
  | { readonly type: 'connected'; readonly nodes: number };

/** Nodes in processes of their own on 127.0.0.1, each with its own directory and ports that the system chose. */
export class Network {
  readonly nodes: readonly NetworkNode[];
  readonly directory: string;
  readonly #temporary: boolean;
  readonly #guardian: Guardian;
  #stopped: Promise<void> | undefined;

  private constructor(nodes: readonly NetworkNode[], directory: string, temporary: boolean, guardian: Guardian) {
    this.nodes = nodes;
    this.directory = directory;
    this.#temporary = temporary;
    this.#guardian = guardian;
  }

  /**
   * Starts the nodes, waits until each is ready, and connects them. When one fails, the others are stopped.
   * Errors: `NODE_EXITED`, `NODE_NOT_READY`, `DIRECTORY_UNUSABLE`, `USAGE`.
   */
  static async start(init: NetworkInit = {}): Promise<Network> {
    const count = init.nodes ?? 3;
    if (!Number.isInteger(count) || count < 1 || count > NODES_MAX) {
      throw new DevnetError('USAGE', `A network has 1 to ${NODES_MAX} nodes, not ${count}`, { nodes: count });
    }
    const directory = makeDirectory(init.directory);
    const temporary = init.directory === undefined;
    const guardian = new Guardian();
    if (temporary) guardian.removeWhenOrphaned(directory);
    const shared = {
      command: init.command ?? defaultNodeCommand(),
      args: init.args ?? [],
      env: nodeEnvironment(init.env),
      ...(init.readyDeadlineMs === undefined ? {} : { readyDeadlineMs: init.readyDeadlineMs }),
      ...(init.stopDeadlineMs === undefined ? {} : { stopDeadlineMs: init.stopDeadlineMs }),
    };
    const nodes = Array.from({ length: count }, (_, i) => {
      const name = `node-${i + 1}`;
      return new NetworkNode({ guardian }, { ...shared, name, directory: join(directory, name) });
    });
    const network = new Network(nodes, directory, temporary, guardian);
    try {
      const starts = nodes.map(async (node) => {
        const began = performance.now();
        await node.start(init.signal);
        init.onEvent?.({ type: 'ready', node, ms: performance.now() - began });
      });
      await Promise.all(starts).catch(async (error) => {
        await Promise.allSettled(starts);
        throw error;
      });
      if (init.connect !== false) {
        await network.connectAll(init.signal);
        init.onEvent?.({ type: 'connected', nodes: count });
      }
      return network;
    } catch (error) {
      await network.stop();
      throw error;
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

  /** Starts a node again, on the directory and ports that it had, and connects it with the others. */
  async restart(node: NetworkNode, signal?: AbortSignal): Promise<void> {
    if (node.running) await node.stop();
    await node.start(signal);
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
    this.#guardian.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts a network of real node processes on this machine. */
export function startNetwork(init?: NetworkInit): Promise<Network> {
  return Network.start(init);
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
