import { createSocket, type Socket } from 'node:dgram';
import { isIPv4, isIPv6 } from 'node:net';
import { type Clock, type Counter, type MetricsRegistry, noMetrics, systemClock } from '@codex/runtime';
import { DiscoveryError } from '../errors.ts';
import { endpointIp } from '../record/ip-bytes.ts';
import {
  DATAGRAM_MAX_BYTES,
  type Datagram,
  type DatagramNetwork,
  type DatagramSocket,
  type Endpoint,
} from './datagram.ts';
import { Inbox } from './inbox.ts';

/** Asked of the kernel, which may give less: a burst of a thousand packets while the event loop is busy. */
const RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;
/** Bytes that the kernel has not taken yet; what is sent beyond is lost. */
const SEND_QUEUE_MAX_BYTES = 1024 * 1024;

const MAPPED_PREFIX = '::ffff:';

/** Datagrams over the network. A socket bound to `::` serves IPv4 as well. */
export class UdpDatagrams implements DatagramNetwork {
  readonly #clock: Clock;
  readonly #dropped: Counter;

  constructor(components: { readonly clock?: Clock; readonly metrics?: MetricsRegistry } = {}) {
    this.#clock = components.clock ?? systemClock;
    this.#dropped = (components.metrics ?? noMetrics).counter({
      name: 'codex_discovery_dropped_datagrams',
      help: 'Datagrams that could not be sent, or came faster than they were handled',
      labels: ['reason'],
    });
  }

  async bind(at: Endpoint): Promise<DatagramSocket> {
    const family = isIPv4(at.ip) ? 4 : 6;
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      // Addresses are never names: nothing is to be looked up.
      lookup: (address, _options, callback) => callback(null, address, isIPv6(address) ? 6 : 4),
    });
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error) => {
        socket.close();
        const data = { ip: at.ip, port: at.port, reason: (cause as NodeJS.ErrnoException).code ?? '' };
        reject(new DiscoveryError('BIND_FAILED', `Cannot bind ${at.ip} port ${at.port} of UDP`, data, { cause }));
      };
      socket.once('error', onError);
      socket.bind({ address: at.ip, port: at.port }, () => {
        socket.off('error', onError);
        resolve();
      });
    });
    return new UdpSocket(socket, at.ip === '::', this.#clock, this.#dropped);
  }
}

class UdpSocket implements DatagramSocket {
  readonly local: Endpoint;
  readonly #socket: Socket;
  /** Sends to IPv4 through IPv6. */
  readonly #dual: boolean;
  readonly #family: 4 | 6;
  readonly #dropped: Counter;
  readonly #inbox: Inbox;
  #listener: ((datagram: Datagram) => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(socket: Socket, dual: boolean, clock: Clock, dropped: Counter) {
    const { address, port, family } = socket.address();
    this.local = { ip: plainIp(address), port };
    this.#socket = socket;
    this.#dual = dual;
    this.#family = family === 'IPv4' ? 4 : 6;
    this.#dropped = dropped;
    this.#inbox = new Inbox({ handle: (datagram) => this.#listener?.(datagram), now: () => clock.monotonic() });
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch {
      // The kernel's own size serves too.
    }
    // After the bind, errors are those of single datagrams.
    socket.on('error', () => dropped.inc(1, { reason: 'error' }));
    socket.on('message', (bytes, from) => {
      const datagram = { from: { ip: plainIp(from.address), port: from.port }, bytes };
      if (!this.#inbox.push(datagram)) dropped.inc(1, { reason: 'receive' });
    });
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    if (bytes.length > DATAGRAM_MAX_BYTES) throw new RangeError(`A datagram has ${bytes.length} bytes`);
    const ip = this.#closed ? undefined : this.#reachable(to.ip);
    if (!ip || to.port === 0 || this.#socket.getSendQueueSize() > SEND_QUEUE_MAX_BYTES) {
      this.#dropped.inc(1, { reason: 'send' });
      return;
    }
    try {
      // A copy: the kernel may take it later only.
      this.#socket.send(new Uint8Array(bytes), to.port, ip, (error) => {
        if (error) this.#dropped.inc(1, { reason: 'send' });
      });
    } catch {
      this.#dropped.inc(1, { reason: 'send' });
    }
  }

  onDatagram(listener: (datagram: Datagram) => void): void {
    this.#listener = listener;
  }

  close(): Promise<void> {
    this.#listener = undefined;
    this.#inbox.close();
    this.#closed ??= new Promise((resolve) => this.#socket.close(resolve));
    return this.#closed;
  }

  /** The form of an address that this socket sends to; undefined when it cannot. */
  #reachable(ip: string): string | undefined {
    if (isIPv4(ip)) {
      if (this.#family === 4) return ip;
      return this.#dual ? MAPPED_PREFIX + ip : undefined;
    }
    return this.#family === 6 && isIPv6(ip) ? ip : undefined;
  }
}

/** As endpoints are written: without zone, IPv4-mapped addresses as IPv4. */
function plainIp(address: string): string {
  return isIPv4(address) ? address : (endpointIp(address) ?? address);
}
