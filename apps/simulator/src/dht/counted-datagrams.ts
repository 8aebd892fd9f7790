import {
  type Datagram,
  type DatagramNetwork,
  type DatagramSocket,
  type Endpoint,
  endpointText,
} from '@codex/discovery';

/** Datagrams that passed the socket at one endpoint. */
export interface Traffic {
  sent: number;
  sentBytes: number;
  received: number;
  receivedBytes: number;
}

/** Counts what each endpoint of another network sends and receives, and lets it be overheard. */
export class CountedDatagrams implements DatagramNetwork {
  readonly #network: DatagramNetwork;
  readonly #traffic = new Map<string, Traffic>();
  #listener: ((to: Endpoint, bytes: Uint8Array) => void) | undefined;

  constructor(network: DatagramNetwork) {
    this.#network = network;
  }

  async bind(at: Endpoint): Promise<DatagramSocket> {
    const socket = await this.#network.bind(at);
    const traffic = this.of(socket.local);
    let listener: (datagram: Datagram) => void = () => {};
    // What nobody listens to has been received all the same.
    socket.onDatagram((datagram) => {
      traffic.received++;
      traffic.receivedBytes += datagram.bytes.length;
      listener(datagram);
    });
    return {
      local: socket.local,
      send: (to, bytes) => {
        traffic.sent++;
        traffic.sentBytes += bytes.length;
        this.#listener?.(to, bytes);
        socket.send(to, bytes);
      },
      onDatagram: (next) => {
        listener = next;
      },
      close: () => socket.close(),
    };
  }

  /** Calls `listener` with all that is sent, until the function that it returns is called. One at a time. */
  listen(listener: (to: Endpoint, bytes: Uint8Array) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }

  /** What passed at an endpoint since the beginning; goes on counting. */
  of(at: Endpoint): Traffic {
    const key = endpointText(at);
    const known = this.#traffic.get(key);
    if (known) return known;
    const fresh: Traffic = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0 };
    this.#traffic.set(key, fresh);
    return fresh;
  }
}
