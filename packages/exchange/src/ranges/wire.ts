import { DIGEST_BYTES } from '@codex/content';
import { ExchangeError } from '../errors.ts';

/** Our own protocol, beside 1.0.0: ranges of leaves with one proof, then their bytes. See docs/ranges.md. */
export const RANGES_PROTOCOL = '/codex-ts/ranges/1.0.0';

/** Types of frames; those with the highest bit come from the answering side. */
export const FRAME = {
  follow: 0x01,
  unfollow: 0x02,
  request: 0x03,
  cancel: 0x04,
  want: 0x05,
  haveAll: 0x81,
  haveRuns: 0x82,
  haveBits: 0x83,
  range: 0x84,
  miss: 0x85,
  block: 0x86,
} as const;

export const MISS = {
  /** Not held: at the moment, or not any more. A wanted block is remembered and sent when it comes. */
  absent: 0,
  /** Too much is asked already: ask again later, or somebody else. */
  busy: 1,
  /** The wish for a block is not remembered any more. */
  forgotten: 2,
} as const;

/** A frame without what follows a range or block. Holds a bitmap of 256 Ki leaves, or 32 leaves with their proof. */
export const FRAME_MAX_BYTES = 33 * 1024;
/** Leaves of one request: the asking side keeps them in one word. */
export const REQUEST_LEAVES_MAX = 32;
/** Two siblings per layer (01 §5) of a tree of 2^30 leaves. */
export const SIBLINGS_MAX = 62;
const CID_MAX_BYTES = 160;
const RANGE_WITH_DIGESTS = 1;

function invalid(reason: string): ExchangeError {
  return new ExchangeError('MESSAGE_INVALID', `Not a frame of the ranges protocol: ${reason}`, { reason });
}

/** Writes frames into memory of their own. All numbers are little-endian. */
class FrameWriter {
  readonly #bytes: Buffer;
  #at = 0;

  /** `extraBytes`: room for what follows the frame in the same piece of memory. */
  constructor(type: number, bodyBytes: number, extraBytes = 0) {
    this.#bytes = Buffer.allocUnsafeSlow(5 + bodyBytes + extraBytes);
    this.u32(1 + bodyBytes).u8(type);
  }

  u8(value: number): this {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#at = this.#bytes.writeUInt16LE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  done(): Uint8Array {
    if (this.#at !== this.#bytes.length) throw new RangeError('the frame is not as long as announced');
    return this.#bytes;
  }
}

export function encodeFollow(tree: number, cid: Uint8Array): Uint8Array {
  return new FrameWriter(FRAME.follow, 5 + cid.length).u32(tree).u8(cid.length).bytes(cid).done();
}

export function encodeUnfollow(tree: number): Uint8Array {
  return new FrameWriter(FRAME.unfollow, 4).u32(tree).done();
}

export interface RangeRequest {
  readonly id: number;
  readonly tree: number;
  readonly start: number;
  readonly count: number;
  /** The asking side does not know the digests: send them with their proof. */
  readonly withDigests: boolean;
}

export function encodeRequest({ id, tree, start, count, withDigests }: RangeRequest): Uint8Array {
  const frame = new FrameWriter(FRAME.request, 15).u32(id).u32(tree).u32(start).u16(count);
  return frame.u8(withDigests ? RANGE_WITH_DIGESTS : 0).done();
}

export function encodeCancel(id: number): Uint8Array {
  return new FrameWriter(FRAME.cancel, 4).u32(id).done();
}

export function encodeWant(id: number, cid: Uint8Array): Uint8Array {
  return new FrameWriter(FRAME.want, 5 + cid.length).u32(id).u8(cid.length).bytes(cid).done();
}

export function encodeHaveAll(tree: number, leafCount: number): Uint8Array {
  return new FrameWriter(FRAME.haveAll, 8).u32(tree).u32(leafCount).done();
}

export interface Run {
  readonly start: number;
  readonly count: number;
}

export function encodeHaveRuns(tree: number, runs: readonly Run[]): Uint8Array {
  const frame = new FrameWriter(FRAME.haveRuns, 6 + 8 * runs.length).u32(tree).u16(runs.length);
  for (const { start, count } of runs) frame.u32(start).u32(count);
  return frame.done();
}

/** `bits`: bit i of byte j is leaf `first` + 8 j + i. */
export function encodeHaveBits(tree: number, first: number, bits: Uint8Array): Uint8Array {
  return new FrameWriter(FRAME.haveBits, 8 + bits.length).u32(tree).u32(first).bytes(bits).done();
}

export function encodeMiss(id: number, reason: number): Uint8Array {
  return new FrameWriter(FRAME.miss, 5).u32(id).u8(reason).done();
}

export interface RangeAnswer {
  readonly id: number;
  readonly start: number;
  readonly blocks: readonly Uint8Array[];
  /** Absent when the request asked for none. */
  readonly proof?: { readonly digests: Uint8Array; readonly siblings: readonly Uint8Array[] } | undefined;
}

/** The header of a range and the bytes of its blocks, in one piece of memory: one write, one encryption. */
export function encodeRange({ id, start, blocks, proof }: RangeAnswer): Uint8Array {
  const count = blocks.length;
  const proofBytes = proof ? (count + proof.siblings.length) * DIGEST_BYTES : 0;
  const dataBytes = blocks.reduce((sum, block) => sum + block.length, 0);
  const frame = new FrameWriter(FRAME.range, 12 + proofBytes + 4 * count, dataBytes).u32(id).u32(start).u16(count);
  frame.u8(proof ? RANGE_WITH_DIGESTS : 0).u8(proof?.siblings.length ?? 0);
  if (proof) {
    frame.bytes(proof.digests);
    for (const sibling of proof.siblings) frame.bytes(sibling);
  }
  for (const block of blocks) frame.u32(block.length);
  for (const block of blocks) frame.bytes(block);
  return frame.done();
}

export function encodeBlock(id: number, block: Uint8Array): Uint8Array {
  return new FrameWriter(FRAME.block, 8, block.length).u32(id).u32(block.length).bytes(block).done();
}

/** Reads the body of a frame. Error of all: `MESSAGE_INVALID`. */
class BodyReader {
  readonly #body: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  }

  #take(bytes: number): number {
    if (this.#at + bytes > this.#body.length) throw invalid('too short');
    this.#at += bytes;
    return this.#at - bytes;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  bytes(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#body.subarray(from, from + length);
  }

  cid(): Uint8Array {
    const length = this.u8();
    if (length === 0 || length > CID_MAX_BYTES) throw invalid('bad length of a content id');
    return this.bytes(length);
  }

  rest(): Uint8Array {
    return this.bytes(this.#body.length - this.#at);
  }

  end<T>(value: T): T {
    if (this.#at !== this.#body.length) throw invalid('too long');
    return value;
  }
}

/** What the asking side says. */
export type AskFrame =
  | { readonly type: typeof FRAME.follow; readonly tree: number; readonly cid: Uint8Array }
  | { readonly type: typeof FRAME.unfollow; readonly tree: number }
  | ({ readonly type: typeof FRAME.request } & RangeRequest)
  | { readonly type: typeof FRAME.cancel; readonly id: number }
  | { readonly type: typeof FRAME.want; readonly id: number; readonly cid: Uint8Array };

export function decodeAsk(type: number, body: Uint8Array): AskFrame {
  const reader = new BodyReader(body);
  switch (type) {
    case FRAME.follow:
      return reader.end({ type, tree: reader.u32(), cid: reader.cid() });
    case FRAME.unfollow:
      return reader.end({ type, tree: reader.u32() });
    case FRAME.request: {
      const [id, tree, start, count, flags] = [reader.u32(), reader.u32(), reader.u32(), reader.u16(), reader.u8()];
      if (count < 1 || count > REQUEST_LEAVES_MAX) throw invalid('bad count');
      return reader.end({ type, id, tree, start, count, withDigests: (flags & RANGE_WITH_DIGESTS) !== 0 });
    }
    case FRAME.cancel:
      return reader.end({ type, id: reader.u32() });
    case FRAME.want:
      return reader.end({ type, id: reader.u32(), cid: reader.cid() });
    default:
      throw invalid('unknown type');
  }
}

/** The header of a range; `lengths` of the blocks whose bytes follow it. */
export interface RangeHeader {
  readonly id: number;
  readonly start: number;
  readonly lengths: readonly number[];
  readonly digests: Uint8Array | undefined;
  readonly siblings: readonly Uint8Array[];
}

/** What the answering side says. Byte strings are views of the body. */
export type AnswerFrame =
  | { readonly type: typeof FRAME.haveAll; readonly tree: number; readonly leafCount: number }
  | { readonly type: typeof FRAME.haveRuns; readonly tree: number; readonly runs: readonly Run[] }
  | { readonly type: typeof FRAME.haveBits; readonly tree: number; readonly first: number; readonly bits: Uint8Array }
  | ({ readonly type: typeof FRAME.range } & RangeHeader)
  | { readonly type: typeof FRAME.miss; readonly id: number; readonly reason: number }
  | { readonly type: typeof FRAME.block; readonly id: number; readonly length: number };

export function decodeAnswer(type: number, body: Uint8Array): AnswerFrame {
  const reader = new BodyReader(body);
  switch (type) {
    case FRAME.haveAll:
      return reader.end({ type, tree: reader.u32(), leafCount: reader.u32() });
    case FRAME.haveRuns: {
      const tree = reader.u32();
      const runs = Array.from({ length: reader.u16() }, () => ({ start: reader.u32(), count: reader.u32() }));
      return reader.end({ type, tree, runs });
    }
    case FRAME.haveBits:
      return reader.end({ type, tree: reader.u32(), first: reader.u32(), bits: reader.rest() });
    case FRAME.range:
      return readRange(type, reader);
    case FRAME.miss:
      return reader.end({ type, id: reader.u32(), reason: reader.u8() });
    case FRAME.block:
      return reader.end({ type, id: reader.u32(), length: reader.u32() });
    default:
      throw invalid('unknown type');
  }
}

function readRange(type: typeof FRAME.range, reader: BodyReader): AnswerFrame {
  const [id, start, count, flags, siblingCount] = [reader.u32(), reader.u32(), reader.u16(), reader.u8(), reader.u8()];
  if (count < 1 || count > REQUEST_LEAVES_MAX) throw invalid('bad count');
  if (siblingCount > SIBLINGS_MAX) throw invalid('too many siblings');
  const digests = (flags & RANGE_WITH_DIGESTS) !== 0 ? reader.bytes(count * DIGEST_BYTES) : undefined;
  const siblings = Array.from({ length: siblingCount }, () => reader.bytes(DIGEST_BYTES));
  const lengths = Array.from({ length: count }, () => reader.u32());
  return reader.end({ type, id, start, lengths, digests, siblings });
}
