import type { AbortOptions } from '@codex/runtime';

export type Transport = 'tcp' | 'udp';

/** A port of this machine that others should reach. */
export interface WantedPort {
  readonly transport: Transport;
  readonly port: number;
}

/** A port of the gateway that leads to a port of this machine. */
export interface PortMapping extends WantedPort {
  readonly externalPort: number;
  /** How long the gateway keeps it; Infinity = until it is deleted. */
  readonly lifetimeMs: number;
}

/** A router that maps ports. All calls end when their signal is aborted. Errors: GATEWAY_REFUSED, GATEWAY_FAILED. */
export interface Gateway {
  readonly protocol: 'upnp' | 'pmp';
  /** Where it is, for logs. */
  readonly name: string;
  /** The IPv4 address of its outer side. */
  externalIp(options?: AbortOptions): Promise<string>;
  /** Makes or renews a mapping. The gateway may give another external port, or a shorter life, than asked for. */
  map(wanted: PortMapping, options?: AbortOptions): Promise<PortMapping>;
  unmap(mapping: PortMapping, options?: AbortOptions): Promise<void>;
}

/** One way to find a gateway. */
export interface PortMapper {
  readonly protocol: Gateway['protocol'];
  /** Undefined when there is none; bounded by a few seconds of its own. */
  find(options?: AbortOptions): Promise<Gateway | undefined>;
}
