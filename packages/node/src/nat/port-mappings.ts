import { reachOf } from '@codex/discovery';
import { type Cancel, type Clock, type Logger, raceSignal } from '@codex/runtime';
import type { Gateway, PortMapper, PortMapping, WantedPort } from './port-mapper.ts';

/** What a gateway does for this node at the moment. */
export interface MappedPorts {
  /** Undefined without a mapping. */
  readonly externalIp: string | undefined;
  readonly mappings: readonly PortMapping[];
}

export interface PortMappingsComponents {
  /** Tried in this order until one maps a port. */
  readonly mappers: readonly PortMapper[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Asked for; half of it is the longest time between two renewals, so that one that fails costs nothing. */
const LIFETIME_MS = 60 * 60_000;
/** As often as the reference (07 §2); a router that restarts forgets its mappings. */
const RENEWAL_MAX_MS = 20 * 60_000;
/** A gateway that grants a shorter life than two of these is not asked more often. */
const RENEWAL_MIN_MS = 60_000;
/** A router that answers at all does so within a second; several messages may be needed. */
const CALL_TIMEOUT_MS = 5_000;
/** The node ends without its mappings deleted rather than late: they run out by themselves. */
const STOP_TIMEOUT_MS = 2_000;

const NOTHING: MappedPorts = { externalIp: undefined, mappings: [] };

/** Keeps ports mapped at the gateway of the network: once per port, renewed by one timer, deleted by `stop`. */
export class PortMappings {
  readonly #components: PortMappingsComponents;
  readonly #onChange: () => void;
  readonly #stopped = new AbortController();
  /** What the gateway was told and did not forget, by `nameOf`. */
  readonly #made = new Map<string, PortMapping>();
  #gateway: Gateway | undefined;
  #wanted: readonly WantedPort[] = [];
  #current: MappedPorts = NOTHING;
  #running: Promise<void> | undefined;
  #again = false;
  #cancel: Cancel = () => {};

  /** `onChange` is called after `current` has changed. */
  constructor(components: PortMappingsComponents, init: { readonly onChange: () => void }) {
    this.#components = components;
    this.#onChange = init.onChange;
  }

  get current(): MappedPorts {
    return this.#current;
  }

  /** Says which ports are to be mapped from now on; returns at once. */
  want(ports: readonly WantedPort[]): void {
    if (ports.map(nameOf).join() === this.#wanted.map(nameOf).join()) return;
    this.#wanted = ports;
    void this.refresh();
  }

  /** Asks the gateway again, now; never rejects. Calls while a round runs share one more round after it. */
  refresh(): Promise<void> {
    if (this.#stopped.signal.aborted) return Promise.resolve();
    this.#again = true;
    this.#running ??= this.#rounds().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Deletes the mappings, within a bounded time. */
  async stop(): Promise<void> {
    this.#cancel();
    this.#stopped.abort(new Error('stopped'));
    const signal = AbortSignal.timeout(STOP_TIMEOUT_MS);
    await raceSignal(this.#running ?? Promise.resolve(), signal).catch(() => {});
    await raceSignal(this.#unmap([...this.#made.values()], signal), signal).catch(() => {});
    this.#current = NOTHING;
  }

  async #rounds(): Promise<void> {
    this.#cancel();
    while (this.#again && !this.#stopped.signal.aborted) {
      this.#again = false;
      const next = await this.#round(this.#wanted);
      if (!this.#stopped.signal.aborted) this.#become(next);
    }
    if (this.#stopped.signal.aborted || this.#wanted.length === 0) return;
    const lives = this.#current.mappings.map((mapping) => mapping.lifetimeMs / 2);
    const delayMs = Math.max(RENEWAL_MIN_MS, Math.min(RENEWAL_MAX_MS, ...lives));
    this.#cancel = this.#components.clock.schedule(delayMs, () => void this.refresh());
  }

  async #round(wanted: readonly WantedPort[]): Promise<MappedPorts> {
    const names = new Set(wanted.map(nameOf));
    const gone = [...this.#made.values()].filter((mapping) => !names.has(nameOf(mapping)));
    await this.#unmap(gone, this.#signal());
    if (wanted.length === 0) return NOTHING;
    if (this.#gateway) {
      const mapped = await this.#map(this.#gateway, wanted);
      if (mapped) return mapped;
      this.#gateway = undefined;
      this.#made.clear();
    }
    for (const mapper of this.#components.mappers) {
      const gateway = await mapper.find({ signal: this.#signal() }).catch((error: unknown) => {
        this.#components.logger.debug('Gateway not found', { protocol: mapper.protocol, error });
        return undefined;
      });
      const mapped = gateway && (await this.#map(gateway, wanted));
      if (!mapped) continue;
      this.#gateway = gateway;
      return mapped;
    }
    return NOTHING;
  }

  /** Undefined when the gateway maps none of the ports; one is enough. */
  async #map(gateway: Gateway, wanted: readonly WantedPort[]): Promise<MappedPorts | undefined> {
    const { logger } = this.#components;
    const about = { protocol: gateway.protocol, gateway: gateway.name };
    try {
      const externalIp = await gateway.externalIp({ signal: this.#signal() });
      const mappings: PortMapping[] = [];
      for (const port of wanted) {
        const name = nameOf(port);
        const externalPort = this.#made.get(name)?.externalPort ?? port.port;
        try {
          const asked = { ...port, externalPort, lifetimeMs: LIFETIME_MS };
          const mapping = await gateway.map(asked, { signal: this.#signal() });
          this.#gateway = gateway;
          this.#made.set(name, mapping);
          mappings.push(mapping);
        } catch (error) {
          if (this.#stopped.signal.aborted) throw error;
          logger.warn('Gateway does not map a port', { ...about, ...port, error });
        }
      }
      return mappings.length > 0 ? { externalIp, mappings } : undefined;
    } catch (error) {
      logger.debug('Gateway is of no use', { ...about, error });
      return undefined;
    }
  }

  async #unmap(mappings: readonly PortMapping[], signal: AbortSignal): Promise<void> {
    const gateway = this.#gateway;
    await Promise.all(
      mappings.map(async (mapping) => {
        this.#made.delete(nameOf(mapping));
        try {
          await gateway?.unmap(mapping, { signal });
        } catch (error) {
          this.#components.logger.debug('Mapping not deleted; it will run out', { ...mapping, error });
        }
      }),
    );
  }

  #become(next: MappedPorts): void {
    const textOf = ({ externalIp, mappings }: MappedPorts) =>
      [externalIp, ...mappings.map((mapping) => `${nameOf(mapping)}>${mapping.externalPort}`)].join();
    const changed = textOf(next) !== textOf(this.#current);
    this.#current = next;
    if (!changed) return;
    const { logger } = this.#components;
    const ports = next.mappings.map((mapping) => `${nameOf(mapping)} at ${mapping.externalPort}`);
    const about = { protocol: this.#gateway?.protocol, gateway: this.#gateway?.name };
    if (next.externalIp === undefined) logger.notice('Ports are no longer mapped');
    else logger.notice('Ports mapped', { ip: next.externalIp, ports, ...about });
    if (next.externalIp !== undefined && reachOf(next.externalIp) !== 'public') {
      logger.warn('The gateway is not on the internet itself: its address is of no use to peers', about);
    }
    this.#onChange();
  }

  #signal(): AbortSignal {
    return AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
  }
}

function nameOf(port: WantedPort): string {
  return `${port.transport} ${port.port}`;
}
