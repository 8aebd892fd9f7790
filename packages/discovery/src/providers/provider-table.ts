import type { Random } from '@codex/runtime';
import type { NodeId } from '../identity/node-id.ts';
import type { RecordReader, SignedRecord } from '../record/signed-record.ts';
import { peerKey, rowKey } from '../storage/keys.ts';
import type { StoredChange } from '../storage/storage.ts';

export interface ProviderLimits {
  /** An announcement counts this long from its receipt, whatever its record says (05 §9). */
  readonly providerLifeMs: number;
  /** Announcements (a peer has a content) in all, some 0.3 KB each. */
  readonly providersMax: number;
  /** Peers of one content, as in the reference. */
  readonly providersPerContentMax: number;
  /** Of those, announced from one public address. */
  readonly providersSameAddressMax: number;
  /** Announcements of one public address or, elsewhere, of one peer. */
  readonly providersPerOriginMax: number;
  /** Records in one answer, several packets of five. */
  readonly providersServedMax: number;
}

/** Whoever has not announced again after this time has missed one of his announcements, every 30 min, at least. */
const FRESH_MS = 60 * 60 * 1000;

/** Records that one call verifies, some 5 ms in which nothing else runs. */
const VERIFIED_MAX = 16;

interface Row {
  readonly content: Content;
  readonly peer: Peer;
  /** Whom it counts against. */
  readonly origin: string;
  expiresAtMs: number;
}

interface Content {
  readonly id: NodeId;
  /** By peer, the latest announcement last. */
  readonly rows: Map<Peer, Row>;
}

interface Peer {
  readonly id: NodeId;
  envelope: Uint8Array;
  /** Of all its contents. */
  readonly rows: Set<Row>;
}

/**
 * Which peers have which content (05 §9), as they announced it themselves. All of it is in memory, bounded; what changes
 * is handed out to be written. Too much from one origin pushes out that origin's own oldest, too much in all the oldest
 * of the largest origin: a flood does not touch those who announce little.
 */
export class ProviderTable {
  readonly #records: RecordReader;
  readonly #random: Random;
  readonly #limits: ProviderLimits;
  readonly #contents = new Map<string, Content>();
  readonly #peers = new Map<string, Peer>();
  /** The oldest first, in both: all announcements live equally long. */
  readonly #rows = new Set<Row>();
  readonly #origins = new Map<string, Set<Row>>();
  #changes = new Map<string, StoredChange>();

  constructor(components: { readonly records: RecordReader; readonly random: Random }, limits: ProviderLimits) {
    this.#records = components.records;
    this.#random = components.random;
    this.#limits = limits;
  }

  /** Announcements. */
  get size(): number {
    return this.#rows.size;
  }

  /** The signer of `record` has `content`; `origin` is whom it counts against: his address, or himself. */
  add(content: NodeId, record: SignedRecord, origin: string, nowMs: number): void {
    const peer = this.#peer(record);
    const known = this.#contents.get(content.hex)?.rows.get(peer);
    if (known) this.#remove(known);
    // It may have been this peer's only row.
    this.#peers.set(peer.id.hex, peer);
    this.#insert(content, peer, origin, nowMs + this.#limits.providerLifeMs);
    this.#change(peerKey(peer.id), peer.envelope);
    this.#makeRoom(content.hex, origin);
  }

  /** Puts back what was stored, in the order of expiry. */
  restore(content: NodeId, peerId: NodeId, origin: string, expiresAtMs: number, nowMs: number): void {
    const peer = this.#peers.get(peerId.hex);
    const expires = Math.min(expiresAtMs, nowMs + this.#limits.providerLifeMs);
    const keep = peer && expires > nowMs && this.#rows.size < this.#limits.providersMax;
    if (keep && !this.#contents.get(content.hex)?.rows.has(peer)) this.#insert(content, peer, origin, expires);
    if (!keep || expires !== expiresAtMs) this.#change(rowKey(expiresAtMs, content, peerId), undefined);
  }

  /** Before its announcements; those without any are dropped by `forgetIdle`. */
  restorePeer(id: NodeId, envelope: Uint8Array): void {
    if (!this.#peers.has(id.hex)) this.#peers.set(id.hex, { id, envelope, rows: new Set() });
  }

  forgetIdle(): void {
    for (const peer of this.#peers.values()) if (peer.rows.size === 0) this.#forgetPeer(peer);
  }

  /** All of a content: the latest announcement first. */
  of(content: NodeId, nowMs: number): SignedRecord[] {
    const rows = [...(this.#contents.get(content.hex)?.rows.values() ?? [])].reverse();
    return this.#open(rows.filter((row) => row.expiresAtMs > nowMs));
  }

  /**
   * Some of a content for whoever asks: of those who announced it lately any, so that askers spread over them; then the
   * latest of the others.
   */
  sample(content: NodeId, nowMs: number): SignedRecord[] {
    const rows = [...(this.#contents.get(content.hex)?.rows.values() ?? [])].reverse();
    const freshFrom = nowMs + this.#limits.providerLifeMs - FRESH_MS;
    const staleAt = rows.findIndex((row) => row.expiresAtMs <= freshFrom);
    const fresh = staleAt < 0 ? rows.length : staleAt;
    const count = Math.min(rows.length, this.#limits.providersServedMax);
    for (let i = 0; i < Math.min(fresh, count); i++) {
      const other = i + this.#random.int(fresh - i);
      [rows[i], rows[other]] = [rows[other]!, rows[i]!];
    }
    return this.#open(rows.slice(0, count).filter((row) => row.expiresAtMs > nowMs));
  }

  /** Drops all announcements of a peer. */
  forget(id: NodeId): void {
    for (const row of [...(this.#peers.get(id.hex)?.rows ?? [])]) this.#remove(row);
  }

  /** Drops up to `max` announcements that are over; true when there may be more. */
  expire(nowMs: number, max: number): boolean {
    let left = max;
    for (const row of this.#rows) {
      if (row.expiresAtMs > nowMs) return false;
      if (left-- === 0) return true;
      this.#remove(row);
    }
    return false;
  }

  /** What is to be written since the last call, each key once. */
  takeChanges(): StoredChange[] {
    const changes = [...this.#changes.values()];
    this.#changes = new Map();
    return changes;
  }

  #peer(record: SignedRecord): Peer {
    const known = this.#peers.get(record.nodeId.hex);
    if (!known) return { id: record.nodeId, envelope: record.envelope, rows: new Set() };
    const stored = this.#openPeer(known);
    if (!stored || stored.seq < record.seq) known.envelope = record.envelope;
    return known;
  }

  #insert(content: NodeId, peer: Peer, origin: string, expiresAtMs: number): void {
    let entry = this.#contents.get(content.hex);
    if (!entry) {
      entry = { id: content, rows: new Map() };
      this.#contents.set(content.hex, entry);
    }
    let rows = this.#origins.get(origin);
    if (!rows) {
      rows = new Set();
      this.#origins.set(origin, rows);
    }
    const row: Row = { content: entry, peer, origin, expiresAtMs };
    entry.rows.set(peer, row);
    rows.add(row);
    this.#rows.add(row);
    peer.rows.add(row);
    this.#change(rowKey(expiresAtMs, content, peer.id), new TextEncoder().encode(origin));
  }

  #remove(row: Row): void {
    const { content, peer, origin } = row;
    content.rows.delete(peer);
    if (content.rows.size === 0) this.#contents.delete(content.id.hex);
    const rows = this.#origins.get(origin);
    rows?.delete(row);
    if (rows?.size === 0) this.#origins.delete(origin);
    this.#rows.delete(row);
    this.#change(rowKey(row.expiresAtMs, content.id, peer.id), undefined);
    peer.rows.delete(row);
    if (peer.rows.size === 0) this.#forgetPeer(peer);
  }

  #forgetPeer(peer: Peer): void {
    this.#peers.delete(peer.id.hex);
    this.#change(peerKey(peer.id), undefined);
  }

  #makeRoom(content: string, origin: string): void {
    const rows = this.#contents.get(content)?.rows ?? new Map<Peer, Row>();
    const same = [...rows.values()].filter((row) => row.origin === origin);
    if (same.length > this.#limits.providersSameAddressMax) this.#remove(same[0]!);
    else if (rows.size > this.#limits.providersPerContentMax) this.#remove(oldestOfLargest(rows.values()));
    const own = this.#origins.get(origin);
    if (own && own.size > this.#limits.providersPerOriginMax) this.#remove(first(own));
    if (this.#rows.size <= this.#limits.providersMax) return;
    let largest = new Set<Row>();
    for (const set of this.#origins.values()) if (set.size > largest.size) largest = set;
    this.#remove(first(largest));
  }

  /** After a restart all signatures are to be verified again, some at a time: the rest is left out for now. */
  #open(rows: readonly Row[]): SignedRecord[] {
    let fresh = VERIFIED_MAX;
    return rows.flatMap(({ peer }) => {
      const known = this.#records.known(peer.envelope);
      if (!known && fresh-- <= 0) return [];
      return known ?? this.#openPeer(peer) ?? [];
    });
  }

  /** Undefined for what a damaged disk made of it; the next announcement replaces it. */
  #openPeer(peer: Peer): SignedRecord | undefined {
    try {
      const record = this.#records.open(peer.envelope);
      return record.nodeId.equals(peer.id) ? record : undefined;
    } catch {
      return undefined;
    }
  }

  #change(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#changes.set(Buffer.from(key).toString('latin1'), [key, value]);
  }
}

function first<T>(set: Set<T>): T {
  const [value] = set;
  return value as T;
}

function oldestOfLargest(rows: Iterable<Row>): Row {
  const origins = new Map<string, Row[]>();
  for (const row of rows) origins.set(row.origin, [...(origins.get(row.origin) ?? []), row]);
  let largest: Row[] = [];
  for (const list of origins.values()) if (list.length > largest.length) largest = list;
  return largest[0]!;
}
