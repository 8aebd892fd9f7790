import { createHash, randomBytes } from 'node:crypto';
import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { mplex } from '@libp2p/mplex';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';

/**
 * A peer that behaves on the wire as the reference node does (04), written apart from the code under test, its own
 * protobuf included: mplex only, answers on a stream of its own, at most 20 blocks per message, a want stays until it
 * can be served.
 */
export const PROTOCOL = '/codex/blockexc/1.0.0';

export type Field = [number, number | Uint8Array | Field[]];

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
  return out;
}

export function encode(fields: Field[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(number * 8), ...varint(value)]);
      const body = Array.isArray(value) ? encode(value) : value;
      return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(body.length)]), body]);
    }),
  );
}

function readVarint(bytes: Uint8Array, start: number): [number, number] {
  let value = 0;
  let at = start;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at];
  }
}

export class Fields {
  readonly list: [number, number | Uint8Array][] = [];
  constructor(bytes: Uint8Array) {
    for (let at = 0; at < bytes.length; ) {
      const [key, valueAt] = readVarint(bytes, at);
      const [value, next] = readVarint(bytes, valueAt);
      if ((key & 7) === 0) {
        this.list.push([key >> 3, value]);
        at = next;
      } else {
        this.list.push([key >> 3, bytes.subarray(next, next + value)]);
        at = next + value;
      }
    }
  }
  int(field: number): number {
    return (this.list.find(([n]) => n === field)?.[1] as number | undefined) ?? 0;
  }
  bytes(field: number): Uint8Array | undefined {
    return this.list.find(([n]) => n === field)?.[1] as Uint8Array | undefined;
  }
  all(field: number): Fields[] {
    return this.list.filter(([n]) => n === field).map(([, value]) => new Fields(value as Uint8Array));
  }
}

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const combine = (x: Uint8Array, y: Uint8Array, key: number) => sha256(x, y, Uint8Array.of(key));
const ZERO = new Uint8Array(32);

const cid = (codec: number, digest: Uint8Array) =>
  Buffer.concat([Buffer.from([1, ...varint(codec), 0x12, 32]), digest]);
export const blockCidOf = (digest: Uint8Array) => cid(0xcd02, digest);
export const treeCidOf = (root: Uint8Array) => cid(0xcd03, root);
export const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export interface Tree {
  readonly layers: Uint8Array[][];
  readonly treeCid: Uint8Array;
}

export function treeOf(blocks: readonly Uint8Array[]): Tree {
  let nodes: Uint8Array[] = blocks.map((block) => sha256(block));
  const layers = [nodes];
  for (let bottom = 1; layers.length === 1 || nodes.length > 1; bottom = 0) {
    const parents: Uint8Array[] = [];
    for (let i = 0; i < nodes.length; i += 2) {
      const right = nodes[i + 1];
      parents.push(right ? combine(nodes[i]!, right, bottom) : combine(nodes[i]!, ZERO, bottom + 2));
    }
    layers.push(parents);
    nodes = parents;
  }
  return { layers, treeCid: treeCidOf(nodes[0]!) };
}

export function proofOf({ layers }: Tree, index: number): Buffer {
  const path = layers.slice(0, -1).map((layer, depth) => layer[(index >> depth) ^ 1] ?? ZERO);
  return encode([[1, 0x12], [2, index], [3, layers[0]!.length], ...path.map((node): Field => [4, [[1, node]]])]);
}

const TAIL: Field[] = [
  [5, 0],
  [6, [[1, Buffer.alloc(0)]]],
  [7, [[1, Buffer.alloc(0)]]],
];
export const leafAddress = (treeCid: Uint8Array, index: number): Field[] => [
  [1, 1],
  [2, treeCid],
  [3, index],
];
export const cidAddress = (bytes: Uint8Array): Field[] => [
  [1, 0],
  [4, bytes],
];
export const entry = (address: Field[], type: number, cancel = 0): Field => [
  1,
  [
    [1, address],
    [2, 0],
    [3, cancel],
    [4, type],
    [5, 0],
  ],
];

export class ReferencePeer {
  readonly node: Libp2p;
  /** Blocks by hex of tree and index, or of plain cid. */
  readonly store = new Map<string, { cid: Uint8Array; data: Uint8Array; proof?: Uint8Array }>();
  readonly received = new Map<string, Uint8Array>();
  readonly presences: { key: string; type: number; price: string }[] = [];
  readonly wantLists: { full: boolean; entries: { key: string; cancel: boolean; type: number }[] }[] = [];
  readonly #wanted = new Map<string, Field[]>();
  #stream: Promise<Stream> | undefined;
  connection: Connection | undefined;
  /** Changes deliveries before they leave. */
  tamper: (fields: Field[]) => Field[] = (fields) => fields;
  silent = false;

  private constructor(node: Libp2p) {
    this.node = node;
  }

  static async start(): Promise<ReferencePeer> {
    const node = await createLibp2p({
      privateKey: privateKeyFromRaw(randomBytes(32)),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [mplex({ disconnectThreshold: 1000, maxUnprocessedMessageQueueSize: 64 * 2 ** 20 })],
      services: { identify: identify() },
      connectionMonitor: { enabled: false },
      connectionManager: { inboundConnectionThreshold: 1000 },
    });
    const peer = new ReferencePeer(node);
    await node.handle(PROTOCOL, (stream, connection) => {
      peer.connection = connection;
      peer.#read(stream);
    });
    return peer;
  }

  async dial(addresses: string[], peer: string): Promise<void> {
    const { multiaddr } = await import('@multiformats/multiaddr');
    this.connection = await this.node.dial(multiaddr(`${addresses[0]}/p2p/${peer}`));
  }

  add(blocks: readonly Uint8Array[], tree: Tree): void {
    for (const [index, data] of blocks.entries()) {
      const key = `${hexOf(tree.treeCid)}/${index}`;
      this.store.set(key, { cid: blockCidOf(tree.layers[0]![index]!), data, proof: proofOf(tree, index) });
    }
    for (const key of this.#wanted.keys()) if (this.store.has(key)) this.#serve().catch(() => {});
  }

  addPlain(bytes: Uint8Array, data: Uint8Array): void {
    this.store.set(hexOf(bytes), { cid: bytes, data });
  }

  async send(fields: Field[]): Promise<void> {
    const body = encode(fields);
    await this.sendRaw(Buffer.concat([Buffer.from(varint(body.length)), body]));
  }

  async sendRaw(bytes: Uint8Array): Promise<void> {
    const connection = this.connection ?? this.node.getConnections()[0]!;
    this.#stream ??= connection.newStream(PROTOCOL).then((stream) => {
      this.#read(stream);
      return stream;
    });
    const stream = await this.#stream;
    if (!stream.send(bytes)) await stream.onDrain();
  }

  wants(entries: Field[], full = 0): Promise<void> {
    return this.send([[1, [...entries, [2, full]]], ...TAIL]);
  }

  stop(): Promise<void> {
    for (const connection of this.node.getConnections()) connection.abort(new Error('stop'));
    return Promise.resolve(this.node.stop());
  }

  #read(stream: Stream): void {
    let pending = Buffer.alloc(0);
    stream.addEventListener('message', ({ data }) => {
      pending = Buffer.concat([pending, data.subarray()]);
      while (pending.length > 0) {
        const digits = pending.findIndex((byte) => byte < 128);
        if (digits < 0) return;
        const [length, at] = readVarint(pending, 0);
        if (pending.length < at + length) return;
        this.#message(new Fields(pending.subarray(at, at + length)));
        pending = pending.subarray(at + length);
      }
    });
  }

  #key(address: Fields): string {
    return address.int(1) ? `${hexOf(address.bytes(2)!)}/${address.int(3)}` : hexOf(address.bytes(4)!);
  }

  #address(address: Fields): Field[] {
    return address.int(1) ? leafAddress(address.bytes(2)!, address.int(3)) : cidAddress(address.bytes(4)!);
  }

  #message(message: Fields): void {
    for (const delivery of message.all(3)) {
      // What the reference would die of (04 §3).
      if (delivery.bytes(2) === undefined) throw new Error('delivery without data');
      const digest = sha256(delivery.bytes(2)!);
      const address = new Fields(delivery.bytes(3)!);
      if (hexOf(delivery.bytes(1)!.slice(-32)) !== hexOf(digest)) throw new Error('block does not match its id');
      if (address.int(1)) this.#checkProof(new Fields(delivery.bytes(4)!), digest, address);
      this.received.set(this.#key(address), delivery.bytes(2)!);
    }
    if (message.all(3).length > 20) throw new Error('too many deliveries');
    for (const presence of message.all(4)) {
      const key = this.#key(new Fields(presence.bytes(1)!));
      this.presences.push({ key, type: presence.int(2), price: hexOf(presence.bytes(3)!) });
    }
    const list = new Fields(message.bytes(1)!);
    const entries = list.all(1);
    if (entries.length === 0) return;
    const parsed = entries.map((want) => ({
      key: this.#key(new Fields(want.bytes(1)!)),
      cancel: want.int(3) === 1,
      type: want.int(4),
    }));
    this.wantLists.push({ full: list.int(2) === 1, entries: parsed });
    if (this.silent) return;
    const presences: Field[] = [];
    for (const want of entries) {
      const address = this.#address(new Fields(want.bytes(1)!));
      const key = this.#key(new Fields(want.bytes(1)!));
      if (this.#wanted.has(key) && want.int(3)) this.#wanted.delete(key);
      else if (want.int(3)) continue;
      else if (want.int(4) === 0) this.#wanted.set(key, address);
      else if (this.store.has(key))
        presences.push([
          4,
          [
            [1, address],
            [2, 0],
            [3, ZERO],
          ],
        ]);
    }
    if (presences.length > 0) this.send([[1, [[2, 0]]], ...presences, ...TAIL]).catch(() => {});
    // A peer that is dropped cannot send any more.
    this.#serve().catch(() => {});
  }

  async #serve(): Promise<void> {
    const found = [...this.#wanted].filter(([key]) => this.store.has(key));
    for (const [key] of found) this.#wanted.delete(key);
    for (let at = 0; at < found.length; at += 20) {
      const deliveries = found.slice(at, at + 20).map(([key, address]): Field => {
        const { cid, data, proof } = this.store.get(key)!;
        return [3, this.tamper([[1, cid], [2, data], [3, address], ...(proof ? [[4, proof] as Field] : [])])];
      });
      await this.send([[1, [[2, 0]]], ...deliveries, ...TAIL]);
    }
  }

  #checkProof(proof: Fields, leaf: Uint8Array, address: Fields): void {
    let [hash, index, width, bottom] = [leaf, proof.int(2), proof.int(3), 1];
    if (proof.int(1) !== 0x12 || index !== address.int(3)) throw new Error('bad proof header');
    for (const node of proof.all(4)) {
      const sibling = node.bytes(1)!;
      if (index % 2 === 1) hash = combine(sibling, hash, bottom);
      else hash = combine(hash, sibling, index === width - 1 ? bottom + 2 : bottom);
      bottom = 0;
      index >>= 1;
      width = (width + 1) >> 1;
    }
    if (hexOf(hash) !== hexOf(address.bytes(2)!.slice(-32))) throw new Error('proof does not lead to the root');
  }
}
