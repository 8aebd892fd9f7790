import { closeSync, openSync, readSync } from 'node:fs';
import { marketplaceAbi } from '@codex/contracts';
import { decodeFunctionData, type Hex, parseTransaction } from 'viem';
import type { Market } from '../../src/market/market.ts';
import { type RpcCall, RpcGateway } from '../../src/market/rpc-gateway.ts';
import type { NetworkNode } from '../../src/network-node.ts';

/**
 * Where a process is killed: as a machine of its own says in the log that it is in a state (`sale proving`), when it sends a call that
 * the chain never sees (`before fillSlot`), or when the chain has a call whose answer it never gets (`after fillSlot`).
 */
export type Where = `sale ${string}` | `purchase ${string}` | `before ${string}` | `after ${string}`;

/** By party; each place once, in whatever order they come. */
export type Plan = Readonly<Record<string, readonly Where[]>>;

/** A state is seen so long after it was said, at most. */
const POLL_MS = 20;
/** What the machines say of themselves. */
const STATE = /^\w+ \S+ \S+ (Sale|Purchase) .*\bstate="?(\w+)/;
const PROCESS = / tid=(\d+)/;
export const LOG_LEVEL = 'info;debug:sales,purchasing';

/** Kills processes with SIGKILL where a plan says, and starts them again. */
export class Killer {
  readonly #gateways: RpcGateway[] = [];
  readonly #planned = new Map<string, Set<Where>>();
  readonly #read = new Map<string, { at: number; rest: string; pid: number }>();
  /** Parties that are dead, until they run again. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Those of them that were killed before they were ready. */
  readonly #again = new Set<string>();
  readonly #done: string[] = [];
  #market: Market | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;

  /** Every kill so far: who, and where. */
  get kills(): readonly string[] {
    return this.#done;
  }

  /** What was planned and has not come. */
  get pending(): string[] {
    return [...this.#planned].flatMap(([party, places]) => [...places].map((where) => `${party}: ${where}`));
  }

  /** The end point of a party's chain. */
  async endpoint(party: string, target: string): Promise<string> {
    const gateway = await RpcGateway.start({
      target,
      onCall: (call) => this.#called(party, 'before', call),
      onAnswer: (call) => this.#called(party, 'after', call),
    });
    this.#gateways.push(gateway);
    return gateway.url;
  }

  /** From now on these are killed. */
  begin(market: Market, plan: Plan): void {
    this.#market = market;
    for (const [party, places] of Object.entries(plan)) this.#planned.set(party, new Set(places));
    this.#timer ??= setInterval(() => this.#look(), POLL_MS);
  }

  /** Resolves when all that were killed run again. */
  async idle(): Promise<void> {
    while (this.#turns.size > 0) await Promise.all(this.#turns.values());
    if (this.#failure) throw this.#failure;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()));
  }

  /** Takes a place out of the plan. */
  #isDue(party: string, where: Where): boolean {
    return this.#planned.get(party)?.delete(where) === true;
  }

  #called(party: string, when: 'before' | 'after', { method, params }: RpcCall): void {
    if (method !== 'eth_sendRawTransaction') return;
    const name = functionOf(params?.[0] as Hex);
    if (!this.#isDue(party, `${when} ${name}`)) return;
    this.#kill(party, `${when} ${name}`);
    throw new Error('Its caller is dead');
  }

  /** Reads what the nodes have logged since the last time. */
  #look(): void {
    for (const { name, logFile } of this.#market?.network.nodes ?? []) {
      const seen = this.#read.get(name) ?? { at: 0, rest: '', pid: 0 };
      this.#read.set(name, seen);
      const lines = `${seen.rest}${readFrom(logFile, seen)}`.split('\n');
      seen.rest = lines.pop() ?? '';
      for (const line of lines) {
        seen.pid = Number(PROCESS.exec(line)?.[1] ?? seen.pid);
        const [, machine, state] = STATE.exec(line) ?? [];
        if (!machine) continue;
        const where: Where = `${machine === 'Sale' ? 'sale' : 'purchase'} ${state}`;
        if (this.#isDue(name, where)) this.#kill(name, where);
      }
    }
  }

  #kill(party: string, where: Where): void {
    const node = this.#market!.node(party);
    this.#done.push(`${party}: ${where}`);
    if (this.#turns.has(party)) {
      // Until it is ready its id is known from what it logs.
      this.#again.add(party);
      process.kill(this.#read.get(party)!.pid, 'SIGKILL');
      return;
    }
    const turn = this.#revive(node)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#turns.delete(party));
    this.#turns.set(party, turn);
  }

  async #revive(node: NetworkNode): Promise<void> {
    await node.kill();
    do {
      this.#again.delete(node.name);
      await this.#market!.network.restart(node).catch((error: unknown) => {
        if (!this.#again.has(node.name)) throw error;
      });
    } while (this.#again.has(node.name));
  }
}

function functionOf(raw: Hex): string {
  const { data } = parseTransaction(raw);
  try {
    return decodeFunctionData({ abi: marketplaceAbi, data: data ?? '0x' }).functionName;
  } catch {
    // Of the token, the only other contract that nodes call.
    return 'approve';
  }
}

function readFrom(file: string, seen: { at: number }): string {
  const fd = openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(65_536);
    let text = '';
    for (let size = readSync(fd, chunk, 0, chunk.length, seen.at); size > 0; ) {
      seen.at += size;
      text += chunk.toString('latin1', 0, size);
      size = readSync(fd, chunk, 0, chunk.length, seen.at);
    }
    return text;
  } finally {
    closeSync(fd);
  }
}
