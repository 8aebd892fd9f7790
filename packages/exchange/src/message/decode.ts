import { bytesKey, ProtoReader, varintKey } from '@codex/content';
import { ExchangeError } from '../errors.ts';
import {
  type BlockAddress,
  type BlockDelivery,
  type BlockPresence,
  type Message,
  PRESENCE,
  WANT,
  type WantEntry,
  type WantList,
} from './message.ts';

export interface DecodeLimits {
  /** Want-list entries and presences of one message; the reference node sends 1024 at most per kind and batch (04 §8). */
  readonly entriesMax: number;
  /** Deliveries of one message; the reference node sends 20 at most (04 §5). */
  readonly deliveriesMax: number;
}

export const DECODE_LIMITS: DecodeLimits = { entriesMax: 8192, deliveriesMax: 256 };

const PRIORITY_MAX = 2 ** 31 - 1;
const NO_BYTES: Uint8Array = new Uint8Array(0);

function invalid(reason: string): ExchangeError {
  return new ExchangeError('MESSAGE_INVALID', `Not a block exchange message: ${reason}`, { reason });
}

/**
 * Reads a message; byte strings other than addresses are views of `bytes`. Tolerant as 01 §6 asks (unknown fields, omitted scalars), but
 * it refuses what kills a reference node (04 §3): unknown enum values, numbers out of range, a delivery without data.
 * Error: `MESSAGE_INVALID`.
 */
export function decodeMessage(bytes: Uint8Array, limits: DecodeLimits = DECODE_LIMITS): Message {
  try {
    return readMessage(new ProtoReader(bytes), limits);
  } catch (error) {
    if (error instanceof ExchangeError) throw error;
    throw new ExchangeError('MESSAGE_INVALID', 'Not a block exchange message', {}, { cause: error });
  }
}

function readMessage(reader: ProtoReader, limits: DecodeLimits): Message {
  let wantList: WantList = { entries: [], full: false };
  const payload: BlockDelivery[] = [];
  const presences: BlockPresence[] = [];
  let pendingBytes = 0;
  let account = NO_BYTES;
  let payment = NO_BYTES;
  while (reader.next()) {
    if (reader.key === bytesKey(1)) wantList = readWantList(reader.message(), limits);
    else if (reader.key === bytesKey(3)) payload.push(readDelivery(reader.message()));
    else if (reader.key === bytesKey(4)) presences.push(readPresence(reader.message()));
    else if (reader.key === varintKey(5)) pendingBytes = reader.uint();
    else if (reader.key === bytesKey(6)) account = readBytes(reader.message());
    else if (reader.key === bytesKey(7)) payment = readBytes(reader.message());
    if (payload.length > limits.deliveriesMax) throw invalid('too many deliveries');
    if (presences.length > limits.entriesMax) throw invalid('too many presences');
  }
  return { wantList, payload, presences, pendingBytes, account, payment };
}

function readWantList(reader: ProtoReader, limits: DecodeLimits): WantList {
  const entries: WantEntry[] = [];
  let full = false;
  while (reader.next()) {
    if (reader.key === bytesKey(1)) entries.push(readEntry(reader.message()));
    else if (reader.key === varintKey(2)) full = reader.uint() !== 0;
    if (entries.length > limits.entriesMax) throw invalid('too many wants');
  }
  return { entries, full };
}

function readEntry(reader: ProtoReader): WantEntry {
  let address: BlockAddress | undefined;
  let priority = 0;
  let cancel = false;
  let wantType = 0;
  let sendDontHave = false;
  while (reader.next()) {
    if (reader.key === bytesKey(1)) address = readAddress(reader.message());
    else if (reader.key === varintKey(2)) priority = reader.uint();
    else if (reader.key === varintKey(3)) cancel = reader.uint() !== 0;
    else if (reader.key === varintKey(4)) wantType = reader.uint();
    else if (reader.key === varintKey(5)) sendDontHave = reader.uint() !== 0;
  }
  if (!address) throw invalid('a want without address');
  if (priority > PRIORITY_MAX) throw invalid('priority out of range');
  if (wantType !== WANT.block && wantType !== WANT.have) throw invalid('unknown type of want');
  return { address, priority, cancel, wantType, sendDontHave };
}

function readAddress(reader: ProtoReader): BlockAddress {
  let leaf = false;
  let treeCid: Uint8Array | undefined;
  let index = 0;
  let cid: Uint8Array | undefined;
  while (reader.next()) {
    if (reader.key === varintKey(1)) leaf = reader.uint() !== 0;
    // Copies: an address that is remembered must not keep the whole message alive.
    else if (reader.key === bytesKey(2)) treeCid = reader.bytes().slice();
    else if (reader.key === varintKey(3)) index = reader.uint();
    else if (reader.key === bytesKey(4)) cid = reader.bytes().slice();
  }
  if (leaf) {
    if (!treeCid) throw invalid('a leaf without tree');
    return { leaf: true, treeCid, index };
  }
  if (!cid) throw invalid('an address without cid');
  return { leaf: false, cid };
}

function readDelivery(reader: ProtoReader): BlockDelivery {
  let cid: Uint8Array | undefined;
  let data: Uint8Array | undefined;
  let address: BlockAddress | undefined;
  let proof = NO_BYTES;
  while (reader.next()) {
    if (reader.key === bytesKey(1)) cid = reader.bytes();
    else if (reader.key === bytesKey(2)) data = reader.bytes();
    else if (reader.key === bytesKey(3)) address = readAddress(reader.message());
    else if (reader.key === bytesKey(4)) proof = reader.bytes();
  }
  if (!cid || !address) throw invalid('a delivery without cid or address');
  if (!data) throw invalid('a delivery without data');
  return { cid, data, address, proof };
}

function readPresence(reader: ProtoReader): BlockPresence {
  let address: BlockAddress | undefined;
  let type = 0;
  let price = NO_BYTES;
  while (reader.next()) {
    if (reader.key === bytesKey(1)) address = readAddress(reader.message());
    else if (reader.key === varintKey(2)) type = reader.uint();
    else if (reader.key === bytesKey(3)) price = reader.bytes();
  }
  if (!address) throw invalid('a presence without address');
  if (type !== PRESENCE.have && type !== PRESENCE.dontHave) throw invalid('unknown type of presence');
  return { address, type, price };
}

/** The value of { 1: bytes }. */
function readBytes(reader: ProtoReader): Uint8Array {
  let value = NO_BYTES;
  while (reader.next()) if (reader.key === bytesKey(1)) value = reader.bytes();
  return value;
}
