import { type Identity, SignedRecord } from '@codex/discovery';
import type { Clock, Logger, Startable } from '@codex/runtime';
import { announcedAddresses } from './addresses.ts';
import type { NatSetting } from './config/index.ts';

export interface AnnouncementComponents {
  readonly identity: Identity;
  readonly network: { listenAddrs(): string[] };
  readonly clock: Clock;
  readonly logger: Logger;
}

const SECOND_MS = 1000;

/**
 * What the node tells others about where it is: the announced addresses and the signed record of them (05 §2). Made
 * when the network listens, because ports are real only then. Until a DHT brings its UDP addresses, the record carries
 * the TCP ones, which other nodes dial directly.
 */
export class Announcement implements Startable {
  readonly #components: AnnouncementComponents;
  readonly #nat: NatSetting;
  #addresses: readonly string[] = [];
  #record: SignedRecord | undefined;

  constructor(components: AnnouncementComponents, init: { readonly nat: NatSetting }) {
    this.#components = components;
    this.#nat = init.nat;
  }

  /** TCP multiaddrs; empty before the start. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** `spr:…`, or undefined before the start. */
  get uri(): string | undefined {
    return this.#record?.uri;
  }

  /** A dump of the record for people; empty before the start. */
  get text(): string {
    return this.#record?.toString() ?? '';
  }

  start(): void {
    const { identity, network, clock, logger } = this.#components;
    this.#addresses = announcedAddresses(network.listenAddrs(), this.#nat);
    if (this.#addresses.length === 0) logger.error('No address to announce; peers cannot dial this node');
    this.#record = SignedRecord.sign(identity, {
      seq: Math.floor(clock.now() / SECOND_MS),
      addresses: this.#addresses,
    });
    logger.info('Announcing', { addresses: this.#addresses });
  }

  stop(): void {}
}
