import { createHash } from 'node:crypto';
import { type Random, seededRandom, VirtualClock } from '@codex/runtime';
import { type LinkFaults, MemoryDatagrams } from '../../src/datagram/memory.ts';
import { Discovery, type DiscoveryInit } from '../../src/discovery.ts';
import { Identity } from '../../src/identity/identity.ts';
import { NodeId } from '../../src/identity/node-id.ts';
import { RecordReader, SignedRecord } from '../../src/record/signed-record.ts';
import type { Curve } from '../../src/session/curve.ts';
import type { DiscoveryStorage } from '../../src/storage/storage.ts';

const digest = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const keyOf = (body: Uint8Array) => Uint8Array.of(8, 2, 18, 33, 2, ...body);

/** Keys that fit as those of the real curve do and hide nothing: a handshake costs microseconds. */
export class FakeCurve implements Curve {
  readonly #public = new Map<string, Uint8Array>();

  know(identity: Identity): void {
    this.#public.set(Buffer.from(identity.privateKey).toString('hex'), identity.publicKey);
  }

  generate(random: Random) {
    const privateKey = random.bytes(32);
    return { privateKey, publicKey: keyOf(digest('public', privateKey)) };
  }

  sign(identity: Identity, message: Uint8Array): Uint8Array {
    return this.#signature(identity.publicKey, message);
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    return Buffer.compare(signature, this.#signature(publicKey, message)) === 0;
  }

  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
    const own = this.#public.get(Buffer.from(privateKey).toString('hex')) ?? keyOf(digest('public', privateKey));
    return keyOf(digest(...[own, publicKey].sort(Buffer.compare))).slice(4);
  }

  #signature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
    return Buffer.concat([digest('signature', publicKey, message), Buffer.alloc(38)]);
  }
}

export interface NodeInit extends Partial<DiscoveryInit> {
  readonly identity?: Identity;
  readonly ip?: string;
  readonly storage?: DiscoveryStorage;
}

/** A network of nodes in one process, in virtual time, with public addresses; all chance comes from one seed. */
export class TestNetwork {
  readonly clock = new VirtualClock(1_700_000_000_000);
  readonly random: Random;
  readonly datagrams: MemoryDatagrams;
  readonly curve = new FakeCurve();
  readonly records = new RecordReader();
  readonly nodes: Discovery[] = [];
  readonly #common: Partial<DiscoveryInit>;
  #made = 0;

  constructor(
    seed: number,
    faults: Partial<LinkFaults> = { latencyMs: () => 20 },
    common: Partial<DiscoveryInit> = {},
  ) {
    this.#common = common;
    this.random = seededRandom(seed);
    this.datagrams = new MemoryDatagrams({ clock: this.clock, random: this.random }, faults);
  }

  identity(): Identity {
    const identity = Identity.fromPrivateKey(this.random.bytes(32));
    this.curve.know(identity);
    return identity;
  }

  /** Starts one node, without waiting for it to join. */
  async add(init: NodeInit = {}): Promise<Discovery> {
    const number = ++this.#made;
    const { identity = this.identity(), ip = `198.18.${number >> 8}.${number & 255}`, storage, ...rest } = init;
    const { clock, datagrams, curve, records } = this;
    const random = seededRandom(this.random.int(2 ** 32));
    const node = new Discovery(
      { identity, datagrams, clock, random, curve, records, storage },
      { listen: { ip, port: 8090 }, ...this.#common, ...rest },
    );
    await node.start();
    this.nodes.push(node);
    return node;
  }

  /** Starts `count` nodes that know the first one, and waits until they joined. */
  async grow(count: number, everyMs = 100): Promise<Discovery[]> {
    const fresh: Discovery[] = [];
    for (let i = 0; i < count; i++) {
      const [first] = this.nodes;
      fresh.push(await this.add(first ? { bootstrap: [first.record] } : {}));
      await this.clock.advance(everyMs);
    }
    await this.until(Promise.all(fresh.map((node) => node.joined)));
    return fresh;
  }

  /** Lets time pass until `work` is done; after `maxMs` it is not waited for any more. */
  async until<T>(work: Promise<T>, maxMs = 120_000): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    work.then(done, done);
    for (let passed = 0; !settled && passed < maxMs; passed += 50) await this.clock.advance(50);
    if (!settled) throw new Error(`Not done after ${maxMs} ms`);
    return work;
  }

  providerRecord(identity: Identity, seq = 1): SignedRecord {
    return SignedRecord.sign(identity, { seq, addresses: ['/ip4/198.51.100.1/tcp/8070'] });
  }

  someId(): NodeId {
    return new NodeId(this.random.bytes(32));
  }

  /** A node goes without a word. */
  kill(node: Discovery): void {
    if (node.local) this.datagrams.kill(node.local);
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}
