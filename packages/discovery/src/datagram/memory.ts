import type { Clock, Random } from '@codex/runtime';
import { DiscoveryError } from '../errors.ts';
import {
  DATAGRAM_MAX_BYTES,
  type Datagram,
  type DatagramNetwork,
  type DatagramSocket,
  type Endpoint,
  endpointText,
} from './datagram.ts';

/** Where ports that nobody names are taken from. */
const FREE_PORTS_FROM = 49_152;
const PORT_MAX = 65_535;

/** How datagrams fare. Chances are in 0 … 1. */
export interface LinkFaults {
  /** Milliseconds on the way between two endpoints; 0 by default. */
  latencyMs(from: Endpoint, to: Endpoint): number;
  /** Up to this much is added to the latency, evenly spread. */
  readonly jitterMs: number;
  readonly loss: number;
  readonly duplication: number;
  /** The chance of being held up by `reorderingMs`, behind those that were sent later. */
  readonly reordering: number;
  readonly reorderingMs: number;
  /** Longer datagrams are lost. */
  readonly mtuBytes: number;
}

const PERFECT: LinkFaults = {
  latencyMs: () => 0,
  jitterMs: 0,
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderingMs: 50,
  mtuBytes: DATAGRAM_MAX_BYTES,
};

/** What became of datagrams since the beginning. */
export interface DatagramCounts {
  sent: number;
  sentBytes: number;
  delivered: number;
  deliveredBytes: number;
  /** By chance. */
  lost: number;
  doubled: number;
  /** Longer than the MTU. */
  tooLong: number;
  /** Between the parts of a partition. */
  separated: number;
  /** Nobody was there. */
  unreachable: number;
}

interface Delivery {
  readonly to: Endpoint;
  readonly datagram: Datagram;
}

/**
 * A network within the process, in the time of a clock: two runs with one seed deliver the same datagrams in the same
 * order. What is due in the same millisecond shares one scheduled call, so that ten thousand nodes stay cheap.
 */
export class MemoryDatagrams implements DatagramNetwork {
  readonly counts: DatagramCounts = {
    sent: 0,
    sentBytes: 0,
    delivered: 0,
    deliveredBytes: 0,
    lost: 0,
    doubled: 0,
    tooLong: 0,
    separated: 0,
    unreachable: 0,
  };
  readonly #clock: Clock;
  readonly #random: Random;
  #faults: LinkFaults;
  #separated: ((from: Endpoint, to: Endpoint) => boolean) | undefined;
  readonly #sockets = new Map<string, MemorySocket>();
  /** By the millisecond in which they arrive. */
  readonly #due = new Map<number, Delivery[]>();

  constructor(components: { readonly clock: Clock; readonly random: Random }, faults: Partial<LinkFaults> = {}) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#faults = { ...PERFECT, ...faults };
  }

  async bind(at: Endpoint): Promise<DatagramSocket> {
    const local = { ip: at.ip, port: at.port === 0 ? this.#freePort(at.ip) : at.port };
    const key = endpointText(reachable(local));
    if (this.#sockets.has(key)) {
      throw new DiscoveryError('BIND_FAILED', `${key} is taken`, { ...local, reason: 'EADDRINUSE' });
    }
    const socket = new MemorySocket(local, {
      send: (to, bytes) => this.#send(reachable(local), to, bytes),
      close: () => this.#sockets.delete(key),
    });
    this.#sockets.set(key, socket);
    return socket;
  }

  /** Changes how datagrams fare from now on. */
  setFaults(faults: Partial<LinkFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
  }

  /** Nothing passes where `separated` says so. Undefined heals the network. */
  partition(separated: ((from: Endpoint, to: Endpoint) => boolean) | undefined): void {
    this.#separated = separated;
  }

  /** The node at `at` is gone at once, without having stopped. */
  kill(at: Endpoint): void {
    void this.#sockets.get(endpointText(at))?.close();
  }

  #send(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const { counts } = this;
    counts.sent++;
    counts.sentBytes += bytes.length;
    if (bytes.length > this.#faults.mtuBytes) {
      counts.tooLong++;
      return;
    }
    const datagram = { from, bytes: new Uint8Array(bytes) };
    const { loss, duplication } = this.#faults;
    if (loss > 0 && this.#random.float() < loss) counts.lost++;
    else this.#carry(to, datagram);
    if (duplication > 0 && this.#random.float() < duplication) {
      counts.doubled++;
      this.#carry(to, datagram);
    }
  }

  #carry(to: Endpoint, datagram: Datagram): void {
    const { latencyMs, jitterMs, reordering, reorderingMs } = this.#faults;
    let delay = latencyMs(datagram.from, to);
    if (jitterMs > 0) delay += this.#random.float() * jitterMs;
    if (reordering > 0 && this.#random.float() < reordering) delay += reorderingMs;
    const now = this.#clock.monotonic();
    const at = Math.ceil(now + delay);
    const due = this.#due.get(at);
    if (due) {
      due.push({ to, datagram });
      return;
    }
    this.#due.set(at, [{ to, datagram }]);
    this.#clock.schedule(at - now, () => this.#deliver(at));
  }

  #deliver(at: number): void {
    const due = this.#due.get(at) ?? [];
    // What is sent from here on with no delay is another call.
    this.#due.delete(at);
    for (const { to, datagram } of due) {
      const socket = this.#sockets.get(endpointText(to));
      if (this.#separated?.(datagram.from, to)) {
        this.counts.separated++;
      } else if (!socket) {
        this.counts.unreachable++;
      } else {
        this.counts.delivered++;
        this.counts.deliveredBytes += datagram.bytes.length;
        socket.receive(datagram);
      }
    }
  }

  #freePort(ip: string): number {
    for (let port = FREE_PORTS_FROM; port <= PORT_MAX; port++) {
      if (!this.#sockets.has(endpointText(reachable({ ip, port })))) return port;
    }
    throw new DiscoveryError('BIND_FAILED', `No port of ${ip} is free`, { ip, port: 0, reason: 'EADDRINUSE' });
  }
}

class MemorySocket implements DatagramSocket {
  readonly local: Endpoint;
  readonly #network: { send(to: Endpoint, bytes: Uint8Array): void; close(): void };
  #listener: ((datagram: Datagram) => void) | undefined;
  #closed = false;

  constructor(local: Endpoint, network: { send(to: Endpoint, bytes: Uint8Array): void; close(): void }) {
    this.local = local;
    this.#network = network;
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    if (bytes.length > DATAGRAM_MAX_BYTES) throw new RangeError(`A datagram has ${bytes.length} bytes`);
    if (!this.#closed) this.#network.send(to, bytes);
  }

  onDatagram(listener: (datagram: Datagram) => void): void {
    this.#listener = listener;
  }

  receive(datagram: Datagram): void {
    this.#listener?.(datagram);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener = undefined;
    this.#network.close();
  }
}

/** An unspecified host is reached at loopback here. */
function reachable({ ip, port }: Endpoint): Endpoint {
  if (ip === '0.0.0.0') return { ip: '127.0.0.1', port };
  return ip === '::' ? { ip: '::1', port } : { ip, port };
}
