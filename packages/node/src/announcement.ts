import { networkInterfaces } from 'node:os';
import { type Endpoint, endpointText, type Identity, reachOf, SignedRecord } from '@codex/discovery';
import type { Cancel, Clock, Logger, Startable } from '@codex/runtime';
import { type AnnouncedAddresses, announcedAddresses, portsToMap, type Ways } from './addresses.ts';
import type { NatSetting } from './config/index.ts';
import { type PortMapper, PortMappings, portMappers } from './nat/index.ts';

export interface AnnouncementComponents {
  readonly identity: Identity;
  readonly network: { listenAddrs(): string[] };
  /** Where the DHT's socket is bound, with its real port; the host may be unspecified. */
  readonly udp?: () => Endpoint | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ways to a gateway, in order; those of the `nat` mode when left out. */
  readonly mappers?: readonly PortMapper[];
  /** Addresses of this machine; the system is asked when left out. */
  readonly interfaces?: () => readonly string[];
}

const SECOND_MS = 1000;
/** A laptop that changes its network is reachable again after this time; looking costs next to nothing. */
const INTERFACES_CHECK_MS = 3 * 60_000;
const NOWHERE: AnnouncedAddresses = { tcp: [], udp: [] };

/**
 * What the node tells others about where it is (05 §2, 07 §2): the addresses of its DHT record, and the record that it
 * gives as a provider of content. It is to be started when the network and the DHT's socket are bound, because ports
 * are real only then. The node's own addresses are there when `start` returns; what a gateway maps follows, and so does
 * every later change, by `onChange`.
 */
export class Announcement implements Startable {
  readonly #components: AnnouncementComponents;
  readonly #nat: NatSetting;
  readonly #mappings: PortMappings;
  readonly #listeners = new Set<() => void>();
  #announced: AnnouncedAddresses = NOWHERE;
  #record: SignedRecord | undefined;
  #observed: Endpoint | undefined;
  /** The last endpoint that was looked into, because every vote of a peer repeats it. */
  #considered: string | undefined;
  #cancelCheck: Cancel = () => {};
  #running = false;

  constructor(components: AnnouncementComponents, init: { readonly nat: NatSetting }) {
    const { clock, logger, mappers } = components;
    this.#components = components;
    this.#nat = init.nat;
    this.#mappings = new PortMappings(
      { mappers: mappers ?? portMappers(init.nat.mode), clock, logger },
      { onChange: () => this.#update() },
    );
  }

  /** Multiaddrs that peers dial; empty before the start. */
  get tcp(): readonly string[] {
    return this.#announced.tcp;
  }

  /** Multiaddrs of the DHT's socket; empty without one. */
  get udp(): readonly string[] {
    return this.#announced.udp;
  }

  /**
   * The addresses of the DHT record: UDP first, because the first IPv4 address and the first UDP port are where the DHT
   * reaches a node; then TCP, so that whoever resolves a node can dial it.
   */
  get dhtAddresses(): readonly string[] {
    return [...this.#announced.udp, ...this.#announced.tcp];
  }

  /** The TCP addresses, signed; given to the DHT with each content that the node provides. Undefined before the start. */
  get providerRecord(): SignedRecord | undefined {
    return this.#record;
  }

  /** `listener` is called after addresses and record have changed. Returns the way out. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#running = true;
    this.#check();
    if (this.tcp.length === 0) this.#components.logger.error('No address to announce; peers cannot dial this node');
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#cancelCheck();
    await this.#mappings.stop();
  }

  /**
   * Many peers see the DHT's socket at `endpoint`. When that contradicts what is announced, the gateway is asked again,
   * and if its answer does not explain it, the endpoint is announced. An address that the user gave always stands.
   */
  async observed(endpoint: Endpoint): Promise<void> {
    if (!this.#running || reachOf(endpoint.ip) !== 'public' || this.#explains(endpoint)) return;
    if (this.#considered === endpointText(endpoint)) return;
    this.#considered = endpointText(endpoint);
    const about = { seen: endpoint, announced: this.udp };
    if (this.#nat.mode === 'extip' || this.#nat.mode === 'none') {
      this.#components.logger.notice(
        `Peers see this node at another address; kept because of nat=${this.#nat.mode}`,
        about,
      );
      return;
    }
    this.#components.logger.notice('Peers see this node at another address', about);
    this.#check();
    await this.#mappings.refresh();
    if (!this.#running || this.#explains(endpoint)) return;
    this.#observed = endpoint;
    this.#update();
  }

  /** Looks at the interfaces, now and again later. */
  #check(): void {
    this.#cancelCheck();
    this.#cancelCheck = this.#components.clock.schedule(INTERFACES_CHECK_MS, () => this.#check());
    this.#update();
    this.#mappings.want(portsToMap(this.#ways(), this.#nat));
  }

  #ways(): Ways {
    const { network, udp, interfaces = ownInterfaces } = this.#components;
    return {
      listening: network.listenAddrs(),
      udp: udp?.(),
      interfaces: interfaces(),
      mapped: this.#mappings.current,
      observed: this.#observed,
    };
  }

  #update(): void {
    if (!this.#running) return;
    const next = announcedAddresses(this.#ways(), this.#nat);
    const same = (a: readonly string[], b: readonly string[]) => a.join() === b.join();
    if (this.#record && same(next.tcp, this.tcp) && same(next.udp, this.udp)) return;
    const first = this.#record === undefined;
    const { identity, clock, logger } = this.#components;
    this.#record = SignedRecord.sign(identity, {
      seq: Math.max(Math.floor(clock.now() / SECOND_MS), (this.#record?.seq ?? 0) + 1),
      addresses: next.tcp,
    });
    this.#announced = next;
    this.#considered = undefined;
    logger.info('Announcing', { tcp: next.tcp, udp: next.udp });
    if (!first) for (const listener of this.#listeners) listener();
  }

  /** True when the announced addresses lead peers to where they see the node; its port may differ behind a gateway. */
  #explains(endpoint: Endpoint): boolean {
    return this.udp.some((address) => address.split('/')[2] === endpoint.ip);
  }
}

function ownInterfaces(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries) =>
    // Link-local IPv6 addresses mean nothing without their interface.
    (entries ?? []).map(({ address }) => address).filter((address) => !address.startsWith('fe80:')),
  );
}
