import { join } from 'node:path';
import { DevnetError } from './errors.ts';
import type { Guardian } from './guardian.ts';
import { NodeProcess } from './node-process.ts';
import { type NodeInfo, RestClient } from './rest-client.ts';

export interface NetworkNodeInit {
  readonly name: string;
  /** Holds `data` and `node.log`. */
  readonly directory: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly readyDeadlineMs?: number;
  readonly stopDeadlineMs?: number;
}

/** A node that can be started, killed and started again; its ports, TCP and UDP, stay what they were at the first start. */
export class NetworkNode {
  readonly name: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly #guardian: Guardian;
  readonly #init: NetworkNodeInit;
  #process: NodeProcess | undefined;
  #rest: RestClient | undefined;
  #info: NodeInfo | undefined;

  constructor(components: { readonly guardian: Guardian }, init: NetworkNodeInit) {
    this.#guardian = components.guardian;
    this.#init = init;
    this.name = init.name;
    this.dataDir = join(init.directory, 'data');
    this.logFile = join(init.directory, 'node.log');
  }

  get running(): boolean {
    return this.#process?.running === true;
  }

  /** Process id of the present run. */
  get pid(): number {
    return this.#needProcess().pid;
  }

  /** Origin of the REST service, e.g. `http://127.0.0.1:40123`. */
  get url(): string {
    return this.rest.url;
  }

  get apiPort(): number {
    return Number(new URL(this.url).port);
  }

  get rest(): RestClient {
    if (!this.#rest) throw new DevnetError('NODE_STATE', `${this.name} was not started`, { name: this.name });
    return this.#rest;
  }

  get peerId(): string {
    return this.#needInfo().id;
  }

  /** Where other nodes reach this one: multiaddrs that end in its peer id. */
  get addrs(): string[] {
    const info = this.#needInfo();
    return info.addrs.map((addr) => (addr.includes('/p2p/') ? addr : `${addr}/p2p/${info.id}`));
  }

  /** The record with which others join the network through this node. */
  get spr(): string {
    return this.#needInfo().spr;
  }

  /** The nodes of the DHT that answered this one lately, by peer id. */
  async knows(signal?: AbortSignal): Promise<string[]> {
    const { table } = await this.rest.info(signal);
    return table.nodes.filter(({ seen }) => seen).map(({ peerId }) => peerId);
  }

  /** `bootstrap` are records of nodes to join the network through. */
  async start(bootstrap: readonly string[] = [], signal?: AbortSignal): Promise<void> {
    if (this.running) throw new DevnetError('NODE_STATE', `${this.name} is running already`, { name: this.name });
    // The system chooses free ports at the first start (nobody can take them in between); later starts keep them.
    const apiPort = this.#rest ? this.apiPort : 0;
    const listen = this.#info?.addrs.map(withoutPeer) ?? ['/ip4/127.0.0.1/tcp/0'];
    const args = [
      `--data-dir=${this.dataDir}`,
      `--api-port=${apiPort}`,
      ...listen.map((addr) => `--listen-addrs=${addr}`),
      `--disc-port=${this.#udpPort()}`,
      '--nat=none',
      ...bootstrap.map((spr) => `--bootstrap-node=${spr}`),
      ...this.#init.args,
    ];
    const { node, url } = await NodeProcess.start(
      { ...this.#init, args, logFile: this.logFile },
      this.#guardian,
      signal,
    );
    this.#process = node;
    this.#rest = new RestClient(url);
    try {
      this.#info = await this.#rest.info(signal);
    } catch (error) {
      await node.kill();
      throw error;
    }
  }

  async connectTo(other: NetworkNode, signal?: AbortSignal): Promise<void> {
    await this.rest.connect(other.peerId, other.addrs, signal);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** The last lines of the node's output. */
  tail(): string {
    return this.#process?.tail() ?? '';
  }

  #udpPort(): number {
    const address = this.#info?.table.localNode.address ?? '';
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  #needProcess(): NodeProcess {
    if (!this.#process?.running)
      throw new DevnetError('NODE_STATE', `${this.name} is not running`, { name: this.name });
    return this.#process;
  }

  #needInfo(): NodeInfo {
    if (!this.#info) throw new DevnetError('NODE_STATE', `${this.name} was not started`, { name: this.name });
    return this.#info;
  }
}

const withoutPeer = (addr: string) => addr.replace(/\/p2p\/.*$/, '');
