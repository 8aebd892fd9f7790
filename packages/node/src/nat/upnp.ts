import { networkInterfaces } from 'node:os';
import type { Endpoint } from '@codex/discovery';
import type { AbortOptions } from '@codex/runtime';
import { openIgd } from './igd.ts';
import type { Gateway, PortMapper } from './port-mapper.ts';
import { SSDP_GROUP, searchGateways } from './ssdp.ts';

/** Devices may take a second to answer, and a moment to describe themselves. */
const SEARCH_MS = 2_500;

export interface UpnpMapperInit {
  readonly group?: Endpoint;
  /** Addresses of this machine to search from; those of all interfaces but loopback when left out. */
  readonly sources?: readonly string[];
}

/** Finds a gateway by UPnP: searches on all networks of this machine and takes the first device that is of use. */
export class UpnpMapper implements PortMapper {
  readonly protocol = 'upnp';
  readonly #init: UpnpMapperInit;

  constructor(init: UpnpMapperInit = {}) {
    this.#init = init;
  }

  async find(options?: AbortOptions): Promise<Gateway | undefined> {
    const { group = SSDP_GROUP, sources = outerAddresses() } = this.#init;
    options?.signal?.throwIfAborted();
    if (sources.length === 0) return undefined;
    const found = Promise.withResolvers<Gateway | undefined>();
    const done = new AbortController();
    const timeout = AbortSignal.timeout(SEARCH_MS);
    const signal = AbortSignal.any([done.signal, timeout, ...(options?.signal ? [options.signal] : [])]);
    signal.addEventListener('abort', () => found.resolve(undefined), { once: true });
    searchGateways({ group, sources, signal }, (location) => {
      openIgd(location, { signal }).then(
        (gateway) => gateway && found.resolve(gateway),
        () => {},
      );
    });
    const gateway = await found.promise;
    done.abort();
    options?.signal?.throwIfAborted();
    return gateway;
  }
}

function outerAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).filter((entry) => entry.family === 'IPv4' && !entry.internal).map(({ address }) => address),
  );
}
