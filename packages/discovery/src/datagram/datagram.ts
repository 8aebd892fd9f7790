/** What UDP carries over IPv4 at most. */
export const DATAGRAM_MAX_BYTES = 65_507;

/** Where a datagram comes from or goes to. */
export interface Endpoint {
  /** An IPv4 address, or an IPv6 address in its canonical text without zone. IPv4-mapped IPv6 is written as IPv4. */
  readonly ip: string;
  readonly port: number;
}

/** `1.2.3.4:5` or `[::1]:5`: the key of maps. */
export function endpointText(endpoint: Endpoint): string {
  return endpoint.ip.includes(':') ? `[${endpoint.ip}]:${endpoint.port}` : `${endpoint.ip}:${endpoint.port}`;
}

export interface Datagram {
  readonly from: Endpoint;
  /** Valid during the call only: whoever keeps bytes copies them. */
  readonly bytes: Uint8Array;
}

/**
 * An unreliable socket: datagrams are lost, doubled and reordered. `UdpDatagrams` sends them over the network,
 * `MemoryDatagrams` within the process; one compliance suite runs on both.
 */
export interface DatagramSocket {
  /** The real port. An unspecified host stays unspecified. */
  readonly local: Endpoint;
  /**
   * Sends without waiting and without an error: what cannot be sent is lost and counted. Datagrams are at most
   * `DATAGRAM_MAX_BYTES`; longer ones are a `RangeError`. The caller may reuse `bytes` at once.
   */
  send(to: Endpoint, bytes: Uint8Array): void;
  /** There is one listener; setting another replaces it. Nothing arrives after `close`. */
  onDatagram(listener: (datagram: Datagram) => void): void;
  /** Harmless when called again. */
  close(): Promise<void>;
}

export interface DatagramNetwork {
  /** Port 0 takes a free one. Error: `BIND_FAILED`. */
  bind(at: Endpoint): Promise<DatagramSocket>;
}
